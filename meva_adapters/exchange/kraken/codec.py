"""Turn commands into Kraken's parameters and its REST answers into values, strictly; know no connection and no clock.

What does not have the promised form raises `CodecError`, so that nothing half read is ever booked.
Source: Kraken's REST documentation of 2026, "AddOrder", "OpenOrders", "TradesHistory", "BalanceEx", "AssetPairs".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from meva_adapters.wire.fields import CodecError, above_zero, flag, number, row_of, text, whole
from meva_adapters.wire.kraken_market import side
from meva_adapters.wire.kraken_names import rest_pair, unified_asset
from meva_adapters.wire.times import text_of_ns
from meva_core.events import ObservedOrder
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS
from meva_core.model.money import ZERO, plain
from meva_core.model.order import OrderRequest, OrderStatus, OrderType, TimeInForce

# Free text of up to 18 characters, or a UUID ("Client order identifiers").
_CLIENT_ID: Final = re.compile(
    r"[A-Za-z0-9-]{1,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII
)
_DECIMALS_MAX: Final = 18
# Fees are charged in the quote asset: the trade history states them in it, whatever asset paid.
_FEE_IN_QUOTE: Final = "fciq"

STATUSES: Final[Mapping[str, OrderStatus]] = {
    "pending": OrderStatus.ACCEPTED,
    "open": OrderStatus.ACCEPTED,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
}


@frozen(kw_only=True)
class KrakenPair:
    """Hold one pair: its rules, and the names by which the venue's trades (*key*) and orders (*altname*) know it."""

    instrument: Instrument
    key: str
    altname: str
    price_decimals: int
    quantity_decimals: int
    status: str


@frozen
class OwnTrade:
    """Hold one own trade, which names its order by the venue's id alone."""

    venue_order_id: str
    fill: Fill


def is_client_id(name: str) -> bool:
    """Return whether Kraken takes *name* as client order id."""
    return _CLIENT_ID.fullmatch(name) is not None


def order_parameters(request: OrderRequest, *, deadline_ns: int) -> list[tuple[str, str]]:
    """Return the parameters of a new order; amounts are plain, and after *deadline_ns* the engine refuses it."""
    is_limit = request.type is OrderType.LIMIT
    parameters = [
        ("pair", rest_pair(request.symbol)),
        ("type", request.side.value),
        ("ordertype", "limit" if is_limit else "market"),
        ("volume", plain(request.quantity)),
    ]
    if is_limit and request.limit_price is not None:
        parameters.append(("price", plain(request.limit_price)))
        if request.time_in_force is TimeInForce.IOC:
            parameters.append(("timeinforce", "IOC"))
    flags = f"post,{_FEE_IN_QUOTE}" if request.post_only else _FEE_IN_QUOTE
    deadline = text_of_ns(deadline_ns - deadline_ns % NS_PER_MS)
    return [*parameters, ("oflags", flags), ("cl_ord_id", request.client_order_id), ("deadline", deadline)]


def read_placed(result: Any, client_order_id: str) -> str:
    """Return the venue's id of the one order that was placed; the answer need not name it as we did."""
    answer = row_of(result)
    if answer.get("cl_ord_id", client_order_id) != client_order_id:
        raise CodecError(f"it speaks of order {str(answer['cl_ord_id'])[:40]!r}")
    ids = answer.get("txid")
    if not isinstance(ids, list) or len(ids) != 1 or not isinstance(ids[0], str) or not ids[0]:
        raise CodecError("txid does not name one order")
    return ids[0]


def read_canceled(result: Any) -> int:
    """Return how many orders were cancelled; a cancel that is only pending raises."""
    answer = row_of(result)
    if answer.get("pending") not in (None, False):
        raise CodecError("the cancel is pending")
    return whole(answer, "count")


def read_orders(orders: Any, symbols: Mapping[str, str]) -> list[tuple[ObservedOrder, int]]:
    """Read orders by venue id, each with when it was opened; *symbols* gives ours for the venue's.

    A status that we do not know is passed on as the venue writes it: the core settles nothing on it.
    """
    rows = {name: row_of(order) for name, order in row_of(orders).items()}
    return [(_order(name, order, symbols), _seconds(order, "opentm")) for name, order in rows.items()]


def _order(venue_order_id: str, order: dict[str, Any], symbols: Mapping[str, str]) -> ObservedOrder:
    described = row_of(order.get("descr"))
    status, pair = text(order, "status"), text(described, "pair")
    filled = number(order, "vol_exec")
    known = STATUSES.get(status)
    if known is OrderStatus.ACCEPTED and filled:
        known = OrderStatus.PARTIALLY_FILLED
    return ObservedOrder(
        client_order_id=order_name(order, venue_order_id),
        venue_order_id=venue_order_id,
        symbol=symbols.get(pair, pair),
        side=side(described, "type"),
        quantity=number(order, "vol"),
        filled_quantity=filled,
        status=known.value if known else status,
    )


def order_name(order: Mapping[str, Any], venue_order_id: str) -> str:
    """Return the client order id of *order*, the venue's where it came without one."""
    return text(order, "cl_ord_id") if order.get("cl_ord_id") is not None else venue_order_id


def read_trades(result: Any, pairs: Mapping[str, Instrument]) -> tuple[list[OwnTrade], int]:
    """Read one page of own trades on *pairs* (by the venue's name) and how many there are in all, others included.

    A page that holds trades of other pairs alone is empty here; its length is known by `page_length`.
    """
    answer = row_of(result)
    trades = []
    for trade_id, data in row_of(answer.get("trades")).items():
        trade = row_of(data)
        instrument = pairs.get(text(trade, "pair"))
        if instrument is not None:
            trades.append(_trade(trade_id, trade, instrument))
    return trades, whole(answer, "count")


def page_length(result: Any) -> int:
    """Return how many trades a page holds."""
    return len(row_of(row_of(result).get("trades")))


def _trade(trade_id: str, trade: dict[str, Any], instrument: Instrument) -> OwnTrade:
    order_id = text(trade, "ordertxid")
    fill = Fill(
        symbol=instrument.symbol,
        trade_id=trade_id,
        client_order_id="",
        venue_order_id=order_id,
        side=side(trade, "type"),
        price=above_zero(trade, "price"),
        quantity=above_zero(trade, "vol"),
        fee=number(trade, "fee"),
        fee_asset=instrument.quote,
        liquidity=Liquidity.MAKER if flag(trade, "maker") else Liquidity.TAKER,
        venue_time_ns=_seconds(trade, "time"),
    )
    return OwnTrade(order_id, fill)


def read_balances(result: Any) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """Read the answer of `BalanceEx`: asset, free, locked; assets of which nothing is held are left out."""
    balances = []
    for name, data in row_of(result).items():
        row = row_of(data)
        total = number(row, "balance")
        locked = number(row, "hold_trade") if "hold_trade" in row else ZERO
        if total or locked:
            balances.append((unified_asset(name), total - locked, locked))
    return tuple(balances)


def read_pairs(result: Any) -> dict[str, KrakenPair]:
    """Read the answer of `AssetPairs` by unified symbol; pairs without a WebSocket name (dark pools) are left out."""
    pairs = {}
    for key, data in row_of(result).items():
        row = row_of(data)
        if "wsname" in row:
            pair = _pair(key, row)
            pairs[pair.instrument.symbol] = pair
    return pairs


def _pair(key: str, row: dict[str, Any]) -> KrakenPair:
    base, _, quote = (unified_asset(name) for name in text(row, "wsname").partition("/"))
    price_decimals, quantity_decimals = _decimals(row, "pair_decimals"), _decimals(row, "lot_decimals")
    tick = above_zero(row, "tick_size") if "tick_size" in row else Decimal(1).scaleb(-price_decimals)
    instrument = Instrument(
        symbol=f"{base}/{quote}",
        base=base,
        quote=quote,
        tick_size=_short(tick),
        lot_size=Decimal(plain(Decimal(1).scaleb(-quantity_decimals))),
        min_quantity=_short(number(row, "ordermin")) if "ordermin" in row else ZERO,
        min_notional=_short(number(row, "costmin")) if "costmin" in row else ZERO,
        asset_decimals=10,  # The finest asset of the venue, bitcoin, has ten ("Assets").
    )
    return KrakenPair(
        instrument=instrument,
        key=key,
        altname=text(row, "altname"),
        price_decimals=price_decimals,
        quantity_decimals=quantity_decimals,
        status=text(row, "status") if "status" in row else "online",
    )


def _decimals(row: Mapping[str, Any], name: str) -> int:
    value = whole(row, name)
    if value > _DECIMALS_MAX:
        raise CodecError(f"{name} is {value}")
    return value


def _seconds(row: Mapping[str, Any], name: str) -> int:
    """Return a time that is written as seconds with decimals, in ns."""
    seconds = number(row, name)
    if not 0 <= seconds < 10**10:
        raise CodecError(f"{name} is no time")
    return int(seconds.scaleb(9))


def _short(value: Decimal) -> Decimal:
    return Decimal(plain(value.normalize()))
