"""Answer the signed calls of one account: place, cancel, query orders; show trades and balances."""

from __future__ import annotations

from attrs import frozen

from meva_adapters.venue.accounts import Account
from meva_adapters.venue.errors import (
    CANCEL_REJECTED,
    HTTP_CONFLICT,
    ApiError,
    filter_failure,
    missing,
    of_refusal,
)
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.listing import rate_limits
from meva_adapters.venue.market_calls import within
from meva_adapters.venue.order_form import market_cost, read_order
from meva_adapters.venue.parameters import Params, choice, client_id, integer, limit, required
from meva_adapters.venue.rows import FILLED, Json, OrderRow, canceled, money, own_trade, placed, queried
from meva_core.execution.order_filters import RejectCode
from meva_core.model.money import ZERO
from meva_core.model.order import OrderRequest

_DAY_MS = 86_400_000
_EVER_MS = 1 << 62  # Later than any time.
_ROWS, _ROWS_MAX = 500, 1_000
_MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
_RESTRICTIONS = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTIALLY_FILLED"}


@frozen
class Caller:
    """Say who asks; a query is answered as of *lag_ms* ago."""

    exchange: Exchange
    account: Account
    lag_ms: int = 0

    @property
    def as_of_ms(self) -> int:
        """Return the time as of which queries are answered; without a lag everything is known."""
        # A clock that a fault set back must not hide orders, so only a lag looks at the time.
        return self.exchange.now_ms() - self.lag_ms if self.lag_ms else _EVER_MS


def place(caller: Caller, params: Params) -> Json:
    """Place an order and return what came of it at once."""
    exchange, account = caller.exchange, caller.account
    counter = exchange.order_counters[account.settings.key]
    request, row = _checked(caller, params)
    counter.charge(exchange.now_ms())
    row, trades = account.place(request, row, exchange.engine_ns())
    if row.status == FILLED:
        counter.add(-1, exchange.now_ms())
    return placed(row, trades)


def place_test(caller: Caller, params: Params) -> Json:
    """Check an order and place nothing."""
    _checked(caller, params)
    return {}


def _checked(caller: Caller, params: Params) -> tuple[OrderRequest, OrderRow]:
    """Return the order as the engine takes it and as the venue records it; raise `ApiError` on a fault."""
    exchange, account = caller.exchange, caller.account
    market = exchange.market(required(params, "symbol"))
    now_ms = exchange.now_ms()
    form = read_order(params, market, generated_id=exchange.generated_id(), now_ms=now_ms)
    if len(account.open_orders(market.name, as_of_ms=_EVER_MS)) >= market.rules.max_orders:
        raise filter_failure("MAX_NUM_ORDERS")
    if form.type == "MARKET" and form.is_buy:
        cost = market_cost(market, form.quantity)
        if cost > account.engine.balances().get(market.instrument.quote, (ZERO, ZERO))[0]:
            raise of_refusal(RejectCode.INSUFFICIENT_BALANCE)
    request = form.request()
    row = OrderRow(
        symbol=market.name,
        order_id=0,
        client_order_id=form.client_order_id,
        side="BUY" if form.is_buy else "SELL",
        type=form.type,
        time_in_force=form.time_in_force,
        price=form.price,
        quantity=form.quantity,
        quote_order_quantity=form.quote_quantity,
        created_ms=now_ms,
        updated_ms=now_ms,
        response_type=form.response_type,
    )
    return request, row


def cancel(caller: Caller, params: Params) -> Json:
    """Cancel one order."""
    row = _found(caller, params, error=ApiError(CANCEL_REJECTED, "Unknown order sent."), lag=False)
    restriction = params.get("cancelRestrictions")
    if restriction is not None:
        kinds = ApiError(-1100, "Illegal characters found in parameter 'cancelRestrictions'.")
        wanted = _RESTRICTIONS[choice(params, "cancelRestrictions", _RESTRICTIONS, kinds)]
        if row.is_open and row.status != wanted:
            raise ApiError(CANCEL_REJECTED, "Order was not canceled due to cancel restrictions.")
    name = client_id(params, "newClientOrderId") or caller.exchange.generated_id()
    row = caller.account.cancel(row, cancel_id=name, now_ms=caller.exchange.now_ms())
    return canceled(row, name)


def cancel_all(caller: Caller, params: Params) -> list[Json]:
    """Cancel every open order of a symbol."""
    symbol = caller.exchange.market(required(params, "symbol")).name
    rows = caller.account.open_orders(symbol, as_of_ms=_EVER_MS)
    if not rows:
        raise ApiError(CANCEL_REJECTED, "Unknown order sent.")
    answers = []
    for row in rows:
        name = caller.exchange.generated_id()
        ended = caller.account.cancel(row, cancel_id=name, now_ms=caller.exchange.now_ms())
        answers.append(canceled(ended, name))
    return answers


def cancel_replace(caller: Caller, params: Params) -> Json:
    """Cancel one order and place another; say which of the two was done."""
    bad_mode = ApiError(-1100, "Illegal characters found in parameter 'cancelReplaceMode'.")
    on_failure = choice(params, "cancelReplaceMode", _MODES, bad_mode)
    of_cancel = {"symbol": required(params, "symbol")}
    for source, target in (
        ("cancelOrderId", "orderId"),
        ("cancelOrigClientOrderId", "origClientOrderId"),
        ("cancelNewClientOrderId", "newClientOrderId"),
    ):
        if source in params:
            of_cancel[target] = params[source]
    outcome: Json = {"newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}
    try:
        outcome |= {"cancelResult": "SUCCESS", "cancelResponse": cancel(caller, of_cancel)}
    except ApiError as error:
        outcome |= {"cancelResult": "FAILURE", "cancelResponse": error.body()}
        if on_failure == "STOP_ON_FAILURE":
            raise ApiError(-2022, "Order cancel-replace failed.", data=outcome) from None
    try:
        outcome |= {"newOrderResult": "SUCCESS", "newOrderResponse": place(caller, params)}
    except ApiError as error:
        outcome |= {"newOrderResult": "FAILURE", "newOrderResponse": error.body()}
    results = (outcome["cancelResult"], outcome["newOrderResult"])
    if results == ("FAILURE", "FAILURE"):
        raise ApiError(-2022, "Order cancel-replace failed.", data=outcome)
    if "FAILURE" in results:
        raise ApiError(-2021, "Order cancel-replace partially failed.", HTTP_CONFLICT, data=outcome)
    return outcome


def query(caller: Caller, params: Params) -> Json:
    """Return one order."""
    return queried(_found(caller, params, error=ApiError(-2013, "Order does not exist."), lag=True))


def open_orders(caller: Caller, params: Params) -> list[Json]:
    """Return the open orders, of one symbol or all."""
    symbol = caller.exchange.market(params["symbol"]).name if "symbol" in params else None
    return [queried(row) for row in caller.account.open_orders(symbol, as_of_ms=caller.as_of_ms)]


def all_orders(caller: Caller, params: Params) -> list[Json]:
    """Return orders of a symbol, open or not."""
    symbol = caller.exchange.market(required(params, "symbol")).name
    _check_range(params)
    count = limit(params, default=_ROWS, highest=_ROWS_MAX)
    first = integer(params, "orderId")
    rows = caller.account.orders(symbol, as_of_ms=caller.as_of_ms)
    if first is not None:
        return [queried(row) for row in rows if row.order_id >= first][:count]
    return [queried(row) for row in within(params, [(row.created_ms, row) for row in rows], count)]


def my_trades(caller: Caller, params: Params) -> list[Json]:
    """Return own trades of a symbol, oldest first."""
    symbol = caller.exchange.market(required(params, "symbol")).name
    _check_range(params)
    order_id, from_id = integer(params, "orderId"), integer(params, "fromId")
    timed = "startTime" in params or "endTime" in params
    if timed and (order_id is not None or from_id is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    trades = [
        trade
        for trade in caller.account.trades
        if trade.symbol == symbol
        and order_id in (None, trade.order_id)
        and (from_id is None or trade.id >= from_id)
        and trade.time_ms <= caller.as_of_ms
    ]
    count = limit(params, default=_ROWS, highest=_ROWS_MAX)
    rows = [(trade.time_ms, trade) for trade in trades]
    return [own_trade(trade) for trade in within(params, rows, count, from_start=from_id is not None)]


def account_status(caller: Caller, params: Params) -> Json:
    """Return balances and rates."""
    account, exchange = caller.account, caller.exchange
    maker, taker = exchange.settings.fees.maker_bps, exchange.settings.fees.taker_bps
    omit = params.get("omitZeroBalances") == "true"
    return {
        "makerCommission": int(maker),
        "takerCommission": int(taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _rates(caller),
        "canTrade": account.settings.can_trade,
        "canWithdraw": account.settings.can_withdraw,
        "canDeposit": False,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": exchange.now_ms(),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": money(free), "locked": money(locked)}
            for asset, (free, locked) in account.engine.balances().items()
            if free or locked or not omit
        ],
        "permissions": ["SPOT"],
        "uid": account.uid,
    }


def commission(caller: Caller, params: Params) -> Json:
    """Return what a symbol's trades cost."""
    symbol = caller.exchange.market(required(params, "symbol")).name
    none = dict.fromkeys(("maker", "taker", "buyer", "seller"), money(ZERO))
    discount = {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": money(ZERO),
    }
    return {
        "symbol": symbol,
        "standardCommission": _rates(caller),
        "specialCommission": none,
        "taxCommission": none,
        "discount": discount,
    }


def order_limits(caller: Caller, _params: Params) -> list[Json]:
    """Return the account's order limits and how far they are used."""
    exchange = caller.exchange
    counts = exchange.order_counters[caller.account.settings.key].counts(exchange.now_ms())
    limits = [each for each in rate_limits(exchange) if each["rateLimitType"] == "ORDERS"]
    return [each | {"count": count} for each, count in zip(limits, counts, strict=True)]


def _rates(caller: Caller) -> Json:
    fees = caller.exchange.settings.fees
    return {
        "maker": money(fees.maker_bps.scaleb(-4)),
        "taker": money(fees.taker_bps.scaleb(-4)),
        "buyer": money(ZERO),
        "seller": money(ZERO),
    }


def _check_range(params: Params) -> None:
    start, end = integer(params, "startTime"), integer(params, "endTime")
    if start is not None and end is not None and not 0 <= end - start <= _DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")


def _found(caller: Caller, params: Params, *, error: ApiError, lag: bool) -> OrderRow:
    symbol = caller.exchange.market(required(params, "symbol")).name
    order_id, name = integer(params, "orderId"), params.get("origClientOrderId")
    if order_id is None and name is None:
        raise missing("orderId")
    as_of_ms = caller.as_of_ms if lag else _EVER_MS
    row = caller.account.find(symbol, order_id, name, as_of_ms=as_of_ms)
    if row is None:
        raise error
    return row
