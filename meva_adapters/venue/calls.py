"""List every call of the venue: its name, path, weight, who may make it, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from meva_adapters.venue import account_calls as own
from meva_adapters.venue import market_calls as public
from meva_adapters.venue.account_calls import Caller
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.parameters import Params

_DEPTH_WEIGHTS: Final = ((100, 5), (500, 25), (1_000, 50))
_DEPTH_WEIGHT_MAX: Final = 250
_MANY_SYMBOLS: Final = 20

Weight = Callable[[Params], int]


@frozen
class Call:
    """Hold one call. An *order* call costs no weight when it succeeds. *method* and *path* are REST's."""

    name: str
    method: str
    path: str
    weight: Weight
    public: Callable[[Exchange, Params], Any] | None = None
    own: Callable[[Caller, Params], Any] | None = None
    is_order: bool = False


def _flat(weight: int) -> Weight:
    return lambda _params: weight


def _one_or_all(one: int, many: int) -> Weight:
    return lambda params: one if "symbol" in params else many


def _depth(params: Params) -> int:
    text = params.get("limit", "100")
    wanted = int(text) if text.isdigit() else 0
    return next((weight for levels, weight in _DEPTH_WEIGHTS if wanted <= levels), _DEPTH_WEIGHT_MAX)


def _day(params: Params) -> int:
    if "symbol" in params:
        return 2
    if "symbols" in params:
        return 2 if params["symbols"].count(",") < _MANY_SYMBOLS else 40
    return 80


def _my_trades(params: Params) -> int:
    return 5 if "orderId" in params else 20


CALLS: Final = (
    Call("ping", "GET", "ping", _flat(1), public=public.ping),
    Call("time", "GET", "time", _flat(1), public=public.server_time),
    Call("exchangeInfo", "GET", "exchangeInfo", _flat(20), public=public.info),
    Call("depth", "GET", "depth", _depth, public=public.depth),
    Call("trades.recent", "GET", "trades", _flat(25), public=public.trades),
    Call("trades.historical", "GET", "historicalTrades", _flat(25), public=public.trades),
    Call("trades.aggregate", "GET", "aggTrades", _flat(4), public=public.agg_trades),
    Call("klines", "GET", "klines", _flat(2), public=public.klines),
    Call("uiKlines", "GET", "uiKlines", _flat(2), public=public.klines),
    Call("avgPrice", "GET", "avgPrice", _flat(2), public=public.average_price),
    Call("ticker.price", "GET", "ticker/price", _one_or_all(2, 4), public=public.ticker_price),
    Call("ticker.book", "GET", "ticker/bookTicker", _one_or_all(2, 4), public=public.ticker_book),
    Call("ticker.24hr", "GET", "ticker/24hr", _day, public=public.ticker_day),
    Call("order.place", "POST", "order", _flat(1), own=own.place, is_order=True),
    Call("order.test", "POST", "order/test", _flat(1), own=own.place_test),
    Call("order.cancel", "DELETE", "order", _flat(1), own=own.cancel, is_order=True),
    Call(
        "order.cancelReplace", "POST", "order/cancelReplace", _flat(1), own=own.cancel_replace, is_order=True
    ),
    Call("openOrders.cancelAll", "DELETE", "openOrders", _flat(1), own=own.cancel_all, is_order=True),
    Call("order.status", "GET", "order", _flat(4), own=own.query),
    Call("openOrders.status", "GET", "openOrders", _one_or_all(6, 80), own=own.open_orders),
    Call("allOrders", "GET", "allOrders", _flat(20), own=own.all_orders),
    Call("myTrades", "GET", "myTrades", _my_trades, own=own.my_trades),
    Call("account.status", "GET", "account", _flat(20), own=own.account_status),
    Call("account.commission", "GET", "account/commission", _flat(20), own=own.commission),
    Call("account.rateLimits.orders", "GET", "rateLimit/order", _flat(40), own=own.order_limits),
)
BY_NAME: Final = {call.name: call for call in CALLS}
assert len(BY_NAME) == len(CALLS), "every call has a name of its own"
