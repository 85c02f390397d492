"""Answer the private calls of one account at a simulated Kraken: orders, trades, balances, the dead-man switch."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from attrs import frozen

from meva_adapters.venue.accounts import Account
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.kraken.dead_man import DeadMan
from meva_adapters.venue.kraken.errors import CANCEL_ONLY, UNKNOWN_ORDER, KrakenError, invalid
from meva_adapters.venue.kraken.pairs import Pairs
from meva_adapters.venue.kraken.rows import Rows, order_number, order_txid, trade_txid
from meva_adapters.venue.kraken.tokens import Tokens
from meva_adapters.venue.market import TRADING, Market
from meva_adapters.venue.order_form import market_cost
from meva_adapters.venue.rows import Json, OrderRow
from meva_adapters.wire.grid import BadCellError
from meva_adapters.wire.kraken_names import rest_asset
from meva_adapters.wire.times import time_ns
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side
from meva_core.model.money import ZERO, plain
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

EVER_MS: Final = 1 << 62
_PAGE: Final = 50
_AMOUNT: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?", re.ASCII)
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,18}|[0-9a-fA-F-]{36}", re.ASCII)
_DEADLINE_NS_MAX: Final = 60 * NS_PER_SECOND
_TIMEOUT_S_MAX: Final = 86_400

Params = dict[str, str]


@frozen(kw_only=True)
class Caller:
    """Say who asks whom; a query is answered as of *as_of_ms*."""

    exchange: Exchange
    pairs: Pairs
    rows: Rows
    tokens: Tokens
    dead_man: DeadMan
    account: Account
    as_of_ms: int = EVER_MS


def add_order(caller: Caller, params: Params) -> Json:
    """Place an order, or only check it."""
    market = caller.pairs.market(params.get("pair", ""))
    request, row = _asked(caller, params, market)
    described = {"order": caller.rows.described(row)["order"]}
    _check(caller, params, market, request)
    if params.get("validate") == "true":
        return {"descr": described}
    row, _ = caller.account.place(request, row, caller.exchange.engine_ns())
    return {"descr": described, "txid": [order_txid(row.order_id)]}


def cancel_order(caller: Caller, params: Params) -> Json:
    """Cancel one order by either id."""
    txid, name = params.get("txid"), params.get("cl_ord_id")
    found = [
        row
        for row in caller.account.open_orders(None, as_of_ms=EVER_MS)
        if (txid is not None and order_txid(row.order_id) == txid)
        or (name is not None and row.client_order_id == name)
    ]
    if not found:
        raise KrakenError(UNKNOWN_ORDER)
    caller.account.cancel(found[0], cancel_id="User requested", now_ms=caller.exchange.now_ms())
    return {"count": 1}


def cancel_all(caller: Caller, _params: Params) -> Json:
    """Cancel every order of the account."""
    return {"count": caller.dead_man.cancel_all(caller.account, "User requested")}


def cancel_all_after(caller: Caller, params: Params) -> Json:
    """Arm, refresh or disarm the dead-man switch."""
    text = params.get("timeout", "")
    if not text.isdecimal() or int(text) > _TIMEOUT_S_MAX:
        raise invalid("timeout")
    return caller.dead_man.arm(caller.account, int(text))


def open_orders(caller: Caller, params: Params) -> Json:
    """Return the open orders, all or those of one name."""
    rows = caller.account.open_orders(None, as_of_ms=caller.as_of_ms)
    return {"open": _listed(caller, _of_name(params, rows))}


def closed_orders(caller: Caller, params: Params) -> Json:
    """Return orders that ended, the newest first, fifty at once."""
    rows = [row for row in caller.account.orders(None, as_of_ms=caller.as_of_ms) if not row.is_open]
    found = _of_name(params, rows)[::-1]
    offset = _offset(params)
    return {"closed": _listed(caller, found[offset : offset + _PAGE]), "count": len(found)}


def query_orders(caller: Caller, params: Params) -> Json:
    """Return orders by the venue's ids."""
    wanted = params.get("txid", "").split(",")
    if len(wanted) > _PAGE:
        raise invalid("txid")
    numbers = {order_number(txid) for txid in wanted}
    rows = [row for row in caller.account.orders(None, as_of_ms=caller.as_of_ms) if row.order_id in numbers]
    if not rows:
        raise KrakenError(UNKNOWN_ORDER)
    return _listed(caller, rows)


def trades_history(caller: Caller, params: Params) -> Json:
    """Return own trades, the newest first, fifty at once."""
    start = params.get("start", "0")
    if not start.isdecimal():
        raise invalid("start")
    trades = [
        trade
        for trade in reversed(caller.account.trades)
        if int(start) * 1000 < trade.time_ms <= caller.as_of_ms
    ]
    offset = _offset(params)
    page = {trade_txid(trade): caller.rows.trade(trade) for trade in trades[offset : offset + _PAGE]}
    return {"trades": page, "count": len(trades)}


def balance(caller: Caller, _params: Params) -> Json:
    """Return what is held in all."""
    return {rest_asset(asset): plain(free + locked) for asset, (free, locked) in _held(caller).items()}


def balance_ex(caller: Caller, _params: Params) -> Json:
    """Return what is held in all, and what orders lock of it."""
    return {
        rest_asset(asset): {"balance": plain(free + locked), "hold_trade": plain(locked)}
        for asset, (free, locked) in _held(caller).items()
    }


def token(caller: Caller, _params: Params) -> Json:
    """Return a token for the private WebSocket."""
    return {"token": caller.tokens.issue(caller.account), "expires": caller.tokens.LIFE_S}


def withdraw_methods(_caller: Caller, _params: Params) -> list[Json]:
    """Return no method: whoever may ask may withdraw, and there is nothing but play money."""
    return []


def _held(caller: Caller) -> dict[str, tuple[Decimal, Decimal]]:
    return caller.account.engine.balances()


def _asked(caller: Caller, params: Params, market: Market) -> tuple[OrderRequest, OrderRow]:
    """Return the order as the engine takes it and as the venue records it; raise `KrakenError` on a fault."""
    side, kind = params.get("type", ""), params.get("ordertype", "")
    if side not in ("buy", "sell") or kind not in ("limit", "market"):
        raise invalid("type")
    time_in_force = params.get("timeinforce", "GTC")
    if time_in_force not in ("GTC", "IOC"):
        raise invalid("timeinforce")
    name = params.get("cl_ord_id")
    if name is not None and not _CLIENT_ID.fullmatch(name):
        raise invalid("cl_ord_id")
    is_limit = kind == "limit"
    quantity, price = _amount(params, "volume"), _amount(params, "price") if is_limit else ZERO
    client_order_id = name or f"{caller.exchange.generated_id():x<40}"
    request = OrderRequest(
        client_order_id=client_order_id,
        idem_key=client_order_id,
        strategy="",
        symbol=market.instrument.symbol,
        side=Side(side),
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        time_in_force=TimeInForce(time_in_force),
        quantity=quantity,
        limit_price=price if is_limit else None,
        post_only="post" in params.get("oflags", "").split(","),
        reduce_only=False,
    )
    now_ms = caller.exchange.now_ms()
    row = OrderRow(
        symbol=market.name,
        order_id=0,
        client_order_id=client_order_id,
        side=side.upper(),
        type=kind.upper(),
        time_in_force=time_in_force,
        price=price,
        quantity=quantity,
        quote_order_quantity=ZERO,
        created_ms=now_ms,
        updated_ms=now_ms,
        response_type="",
    )
    return request, row


def _check(caller: Caller, params: Params, market: Market, request: OrderRequest) -> None:
    """Raise what the venue says before its engine: deadline, status, filters, funds of a market order."""
    now_ns = caller.exchange.now_ms() * NS_PER_MS
    if "deadline" in params:
        try:
            deadline_ns = time_ns(params["deadline"])
        except BadCellError:
            raise invalid("deadline") from None
        if now_ns > deadline_ns:
            raise KrakenError("EService:Deadline elapsed")
        if deadline_ns > now_ns + _DEADLINE_NS_MAX:
            raise invalid("deadline")
    if market.status != TRADING:
        raise KrakenError(CANCEL_ONLY)
    rules = market.rules
    if len(caller.account.open_orders(market.name, as_of_ms=EVER_MS)) >= rules.max_orders:
        raise KrakenError("EOrder:Orders limit exceeded")
    if request.quantity < rules.min_quantity:
        raise KrakenError("EOrder:Order minimum not met")
    if request.limit_price is not None and request.limit_price % rules.tick_size:
        raise KrakenError("EOrder:Tick size check failed")
    if request.limit_price is None and request.side is Side.BUY:
        free = _held(caller).get(market.instrument.quote, (ZERO, ZERO))[0]
        if market_cost(market, request.quantity) > free:
            raise KrakenError("EOrder:Insufficient funds")


def _amount(params: Params, name: str) -> Decimal:
    text = params.get(name, "")
    if not _AMOUNT.fullmatch(text) or not Decimal(text):
        raise invalid(name)
    return Decimal(text)


def _offset(params: Params) -> int:
    text = params.get("ofs", "0")
    if not text.isdecimal():
        raise invalid("ofs")
    return int(text)


def _of_name(params: Params, rows: list[OrderRow]) -> list[OrderRow]:
    name = params.get("cl_ord_id")
    return rows if name is None else [row for row in rows if row.client_order_id == name]


def _listed(caller: Caller, rows: list[OrderRow]) -> Json:
    return {order_txid(row.order_id): caller.rows.order(row, caller.account.trades) for row in rows}


@frozen
class PrivateCall:
    """Hold one call: who answers it, what it counts, and which right of the key it needs beyond reading."""

    answer: Callable[[Caller, Params], object]
    weight: int = 1
    trades: bool = False
    withdraws: bool = False


PRIVATE: Final = {
    "AddOrder": PrivateCall(add_order, 0, trades=True),
    "CancelOrder": PrivateCall(cancel_order, 0, trades=True),
    "CancelAll": PrivateCall(cancel_all, 1, trades=True),
    "CancelAllOrdersAfter": PrivateCall(cancel_all_after, 1, trades=True),
    "OpenOrders": PrivateCall(open_orders),
    "ClosedOrders": PrivateCall(closed_orders),
    "QueryOrders": PrivateCall(query_orders),
    "TradesHistory": PrivateCall(trades_history, 2),
    "Balance": PrivateCall(balance),
    "BalanceEx": PrivateCall(balance_ex),
    "GetWebSocketsToken": PrivateCall(token),
    "WithdrawMethods": PrivateCall(withdraw_methods, withdraws=True),
}
