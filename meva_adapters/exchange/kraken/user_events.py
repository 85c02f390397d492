"""Read what Kraken tells of our orders into events, strictly; follow no connection.

Later messages about an order carry only some of its fields, so they are merged by the venue's order id
(WebSocket v2, "executions").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meva_adapters.exchange.kraken.codec import order_name
from meva_adapters.wire.fields import CodecError, above_zero, number, rows_of, text
from meva_adapters.wire.kraken_market import side
from meva_adapters.wire.times import time_ns
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
)
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.money import ZERO

_MERGED: Final = ("cl_ord_id", "symbol", "side")
# Some messages may still come about an order that ended; of the open ones the venue allows some hundred a pair.
_ENDED_MAX: Final = 1_000
_OPEN_MAX: Final = 50_000
_ENDS: Final = frozenset({"filled", "canceled", "expired"})
_LIQUIDITY: Final = {"m": Liquidity.MAKER, "t": Liquidity.TAKER}
# The first is not yet in the book, and the trades of the second have been told one by one.
_SAY_NOTHING: Final = frozenset({"pending_new", "filled", "status"})


class ExecutionReader:
    """Read messages of the channel `executions`; the fields of orders are kept from one connection to the next.

    An open order is not forgotten for others that came after it; which are open a snapshot tells.
    """

    def __init__(self) -> None:
        self._open: dict[str, dict[str, Any]] = {}
        self._ended: dict[str, dict[str, Any]] = {}

    def read(self, message: Mapping[str, Any], received_ns: int) -> list[tuple[str, Event]]:
        """Return (venue order id, event) pairs; raise `CodecError` where a row is not what it promises.

        A snapshot gives none: the comparison with the venue, which follows every connection, tells more.
        """
        snapshot = message.get("type") == "snapshot"
        rows = [self._merged(row, listed=snapshot) for row in rows_of(message.get("data"))]
        if snapshot:
            listed = {row["order_id"] for row in rows}
            for order_id in [order_id for order_id in self._open if order_id not in listed]:
                _keep(self._ended, order_id, self._open.pop(order_id), _ENDED_MAX)
            return []
        return [(text(row, "order_id"), event) for row in rows for event in _events(row, received_ns)]

    def _merged(self, row: dict[str, Any], *, listed: bool) -> dict[str, Any]:
        """Return *row* with what is known of its order, which stays ended unless a snapshot has *listed* it as open."""
        order_id = text(row, "order_id")
        ended = row.get("exec_type") in _ENDS or (order_id in self._ended and not listed)
        kept = self._open.pop(order_id, None) or self._ended.pop(order_id, {})
        kept |= {name: row[name] for name in _MERGED if row.get(name) is not None}
        if ended:
            _keep(self._ended, order_id, kept, _ENDED_MAX)
        else:
            _keep(self._open, order_id, kept, _OPEN_MAX)
        return row | kept


def _keep(orders: dict[str, dict[str, Any]], order_id: str, fields: dict[str, Any], most: int) -> None:
    orders[order_id] = fields
    if len(orders) > most:
        del orders[next(iter(orders))]


def _events(row: dict[str, Any], received_ns: int) -> list[Event]:
    order_id = text(row, "order_id")
    name = order_name(row, order_id)
    match row.get("exec_type"):
        case "new":
            return [OrderAcknowledged(received_ns, name, order_id, time_ns(text(row, "timestamp")))]
        case "trade":
            return [OrderFilled(received_ns, _fill(row, name, order_id))]
        case "canceled":
            return [OrderCanceled(received_ns, name, _reason(row, "canceled at the venue"))]
        case "expired":
            return [OrderExpired(received_ns, name, _reason(row, "expired by the venue"))]
        case kind if kind in _SAY_NOTHING:
            return []
        case kind:
            # Amended and restated are among these: an order is no longer what we placed, so it is asked for.
            return [OrderOutcomeUnknown(received_ns, name, f"unknown execution type {str(kind)[:40]!r}")]


def _fill(row: dict[str, Any], name: str, order_id: str) -> Fill:
    symbol = text(row, "symbol")
    liquidity = _LIQUIDITY.get(text(row, "liquidity_ind"))
    if liquidity is None:
        raise CodecError("liquidity_ind is neither maker nor taker")
    fees = [(text(fee, "asset"), number(fee, "qty")) for fee in rows_of(row.get("fees", []))]
    if len(fees) > 1:
        raise CodecError("a trade with fees in several assets")
    fee_asset, fee = fees[0] if fees else (symbol.rpartition("/")[2], ZERO)
    return Fill(
        symbol=symbol,
        trade_id=text(row, "exec_id"),
        client_order_id=name,
        venue_order_id=order_id,
        side=side(row, "side"),
        price=above_zero(row, "last_price"),
        quantity=above_zero(row, "last_qty"),
        fee=fee,
        fee_asset=fee_asset,
        liquidity=liquidity,
        venue_time_ns=time_ns(text(row, "timestamp")),
    )


def _reason(row: Mapping[str, Any], otherwise: str) -> str:
    reason = row.get("reason")
    return reason[:200] if isinstance(reason, str) and reason else otherwise
