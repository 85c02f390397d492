"""Read a new order from its parameters and judge it by the symbol's filters; place nothing."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final

from attrs import frozen

from meva_adapters.venue.errors import ApiError, filter_failure, missing, rejected, unneeded
from meva_adapters.venue.market import TRADING, Market
from meva_adapters.venue.parameters import Params, amount, choice, client_id
from meva_core.model.market import Side
from meva_core.model.money import ZERO, quantise_down
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

ORDER_TYPES: Final = ("LIMIT", "LIMIT_MAKER", "MARKET")
_SIDES: Final = ("BUY", "SELL")
_TIMES: Final = ("GTC", "IOC", "FOK")
_RESPONSES: Final = ("ACK", "RESULT", "FULL")
_NEVER_TAKEN: Final = ("stopPrice", "trailingDelta", "icebergQty")
_FAR_UP, _FAR_DOWN = Decimal(5), Decimal("0.2")  # PERCENT_PRICE_BY_SIDE of most spot symbols.
PERCENT_PRICE: Final = {"up": _FAR_UP, "down": _FAR_DOWN}


@frozen(kw_only=True)
class OrderForm:
    """Hold what was asked for, before the venue gave it a number."""

    market: Market
    is_buy: bool
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    quote_quantity: Decimal
    client_order_id: str
    response_type: str

    def request(self) -> OrderRequest:
        """Return the order as the matching engine takes it."""
        is_market = self.type == "MARKET"
        return OrderRequest(
            client_order_id=self.client_order_id,
            idem_key=self.client_order_id,
            strategy="",
            symbol=self.market.instrument.symbol,
            side=Side.BUY if self.is_buy else Side.SELL,
            type=OrderType.MARKET if is_market else OrderType.LIMIT,
            time_in_force=TimeInForce(self.time_in_force),
            quantity=self.quantity,
            limit_price=None if is_market else self.price,
            post_only=self.type == "LIMIT_MAKER",
            reduce_only=False,
        )


def read_order(params: Params, market: Market, *, generated_id: str, now_ms: int) -> OrderForm:
    """Return the order that *params* describe; raise `ApiError` in the order in which the venue checks."""
    is_buy = choice(params, "side", _SIDES, ApiError(-1117, "Invalid side.")) == "BUY"
    kind = choice(params, "type", ORDER_TYPES, ApiError(-1116, "Invalid orderType."))
    for name in _NEVER_TAKEN:
        if name in params:
            raise unneeded(name)
    time_in_force = _time_in_force(params, kind)
    price = _price(params, kind)
    quantity, quote_quantity = amount(params, "quantity"), amount(params, "quoteOrderQty")
    if kind != "MARKET" and quote_quantity is not None:
        raise unneeded("quoteOrderQty")
    if (quantity is None) is (quote_quantity is None):
        raise missing("quantity") if quantity is None else unneeded("quoteOrderQty")
    name = client_id(params, "newClientOrderId") or generated_id
    response = params.get("newOrderRespType", "FULL")
    if response not in _RESPONSES:
        raise ApiError(-1100, "Illegal characters found in parameter 'newOrderRespType'.")
    if kind == "LIMIT_MAKER" and "newOrderRespType" not in params:
        response = "ACK"
    if market.status != TRADING:
        raise rejected("Market is closed.")
    if quantity is None:
        quantity = _by_quote(market, quote_quantity or ZERO, is_buy=is_buy)
    form = OrderForm(
        market=market,
        is_buy=is_buy,
        type=kind,
        time_in_force=time_in_force,
        quantity=quantity,
        price=price or ZERO,
        quote_quantity=quote_quantity or ZERO,
        client_order_id=name,
        response_type=response,
    )
    _check_filters(form, now_ms)
    return form


def market_cost(market: Market, quantity: Decimal) -> Decimal:
    """Return what a market buy of *quantity* costs at the book as it stands."""
    wanted = market.instrument.lots(quantity)
    cost = ZERO
    for price_ticks, lots in sorted(market.book.asks.levels.items()):
        part = min(wanted, lots)
        cost += market.instrument.price(price_ticks) * market.instrument.quantity(part)
        wanted -= part
        if not wanted:
            break
    return cost


def _time_in_force(params: Params, kind: str) -> str:
    if kind == "LIMIT":
        return choice(params, "timeInForce", _TIMES, ApiError(-1115, "Invalid timeInForce."))
    if "timeInForce" in params:
        raise unneeded("timeInForce")
    return "GTC"


def _price(params: Params, kind: str) -> Decimal | None:
    price = amount(params, "price")
    if kind == "MARKET":
        if price is not None:
            raise unneeded("price")
    elif price is None:
        raise missing("price")
    return price


def _by_quote(market: Market, quote_quantity: Decimal, *, is_buy: bool) -> Decimal:
    """Return the most whole lots that *quote_quantity* buys, or that bring no more when sold, at the book's levels."""
    book = market.book.against(is_buy=is_buy)
    left, quantity = quote_quantity, ZERO
    for price_ticks, lots in sorted(book.levels.items(), reverse=not is_buy):
        price, offered = market.instrument.price(price_ticks), market.instrument.quantity(lots)
        if left < price * offered:
            return quantity + quantise_down(
                (left / price).quantize(Decimal("1e-8"), ROUND_DOWN), market.rules.step_size
            )
        left -= price * offered
        quantity += offered
    return quantity


def _check_filters(form: OrderForm, now_ms: int) -> None:
    rules = form.market.rules
    is_market = form.type == "MARKET"
    if not is_market:
        if form.price < rules.tick_size or form.price > rules.max_price or form.price % rules.tick_size:
            raise filter_failure("PRICE_FILTER")
        mean = form.market.mean_price(now_ms)
        if mean and not mean * _FAR_DOWN <= form.price <= mean * _FAR_UP:
            raise filter_failure("PERCENT_PRICE_BY_SIDE")
    quantity = form.quantity
    if not rules.min_quantity <= quantity <= rules.max_quantity or quantity % rules.step_size:
        raise filter_failure("LOT_SIZE")
    price = (form.market.mean_price(now_ms) or ZERO) if is_market else form.price
    worth = price * quantity
    if price and not rules.min_notional <= worth <= rules.max_notional:
        raise filter_failure("NOTIONAL")
