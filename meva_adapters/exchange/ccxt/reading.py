"""Read ccxt's unified orders, trades and balances into values, strictly; know no connection.

An amount is taken only where it also stands, as a text, in the exchange's own answer (`info`): what ccxt calculated
is no fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from meva_core.errors import MevaError
from meva_core.events import ObservedOrder
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import NS_PER_MS, Side
from meva_core.model.money import ZERO
from meva_core.model.order import OrderStatus

_AMOUNT: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_DEPTH_MAX: Final = 6
STATUSES: Final[Mapping[str, OrderStatus]] = {
    "open": OrderStatus.ACCEPTED,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}


@frozen
class ReadingError(MevaError):
    """Report an answer that is not what its kind promises."""

    problem: str

    def __str__(self) -> str:
        return f"malformed: {self.problem}"


@frozen
class OwnTrade:
    """Hold one own trade, which names its order by the exchange's id; *time_ms* orders it."""

    time_ms: int
    fill: Fill


def read_order(order: Any) -> ObservedOrder:
    """Read one order. A status that ccxt does not know is passed on as the exchange writes it."""
    quantity, filled = exact(order, "amount"), exact(order, "filled", or_zero=True)
    return ObservedOrder(
        client_order_id=order.get("clientOrderId") or "",
        venue_order_id=text(order, "id"),
        symbol=text(order, "symbol"),
        side=side(order),
        quantity=quantity,
        filled_quantity=filled,
        status=status_of(order, quantity, filled),
    )


def status_of(order: Mapping[str, Any], quantity: Decimal, filled: Decimal) -> str:
    """Return our word for the status, or the exchange's where there is none."""
    word = text(order, "status")
    status = STATUSES.get(word)
    if status is OrderStatus.ACCEPTED and filled:
        return OrderStatus.PARTIALLY_FILLED.value
    if status is OrderStatus.FILLED and filled != quantity:
        return "closed in part"  # Nobody says how it ended, so nothing is settled on it.
    return status.value if status else word


def read_trade(trade: Any, symbol: str) -> OwnTrade:
    """Read one own trade; the name of its order is filled in by who knows it."""
    time_ms = trade.get("timestamp")
    if type(time_ms) is not int or time_ms < 0:
        raise ReadingError("timestamp is no whole number")
    fee, fee_asset = _fee(trade, symbol)
    role = trade.get("takerOrMaker")
    fill = Fill(
        symbol=symbol,
        trade_id=text(trade, "id"),
        client_order_id="",
        venue_order_id=text(trade, "order"),
        side=side(trade),
        price=_positive(trade, "price"),
        quantity=_positive(trade, "amount"),
        fee=fee,
        fee_asset=fee_asset,
        # Where nobody says, the dearer of the two.
        liquidity=Liquidity.MAKER if role == "maker" else Liquidity.TAKER,
        venue_time_ns=time_ms * NS_PER_MS,
    )
    return OwnTrade(time_ms, fill)


def read_balances(balance: Any) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """Read what is free and what is locked of every asset that is not zero."""
    free, used = balance.get("free"), balance.get("used")
    if not isinstance(free, dict) or not isinstance(used, dict):
        raise ReadingError("the balance has no free and used amounts")
    rows = ((asset, _plain(free, asset), _plain(used, asset)) for asset in sorted({*free, *used}))
    return tuple(row for row in rows if row[1] or row[2])


def text(row: Mapping[str, Any], name: str) -> str:
    """Return a text that is not empty."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise ReadingError(f"{name} is no text")
    return value


def texts(info: Any) -> frozenset[str]:
    """Return the texts that stand at the top of the exchange's own answer."""
    return (
        frozenset(value for value in info.values() if isinstance(value, str))
        if isinstance(info, dict)
        else frozenset()
    )


def side(row: Mapping[str, Any]) -> Side:
    """Return a side."""
    match row.get("side"):
        case "buy":
            return Side.BUY
        case "sell":
            return Side.SELL
        case _:
            raise ReadingError("side is neither buy nor sell")


def exact(row: Mapping[str, Any], name: str, *, or_zero: bool = False) -> Decimal:
    """Return an amount that stands in the exchange's own words; *or_zero*: where ccxt knows none, or says zero."""
    if or_zero and row.get(name) is None:
        return ZERO
    value = _plain(row, name)
    if (value or not or_zero) and abs(value) not in set(map(abs, _amounts(row.get("info")))):
        raise ReadingError(f"{name} {value} does not stand in the exchange's answer")
    return value


def _fee(trade: Mapping[str, Any], symbol: str) -> tuple[Decimal, str]:
    """Return what a trade cost and in which asset; a trade without a fee costs nothing of the quote asset."""
    fee = trade.get("fee") or {}
    if not isinstance(fee, dict):
        raise ReadingError("fee is no object")
    if fee.get("cost") is None:
        raise ReadingError("the trade has no fee, and an unknown fee is not zero")
    cost = _plain(fee, "cost")
    if cost and abs(cost) not in set(map(abs, _amounts(trade.get("info")))):
        raise ReadingError(f"fee {cost} does not stand in the exchange's answer")
    return cost, text(fee, "currency") if cost else str(fee.get("currency") or symbol.rpartition("/")[2])


def _positive(row: Mapping[str, Any], name: str) -> Decimal:
    value = exact(row, name)
    if value <= 0:
        raise ReadingError(f"{name} is not positive")
    return value


def _plain(row: Mapping[str, Any], name: str) -> Decimal:
    value = row.get(name)
    if value is None:
        return ZERO
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ReadingError(f"{name} is no amount")
    return Decimal(value)


def _amounts(info: Any, depth: int = 0) -> Iterator[Decimal]:
    """Yield every amount that *info* holds as a text or a whole number."""
    if depth > _DEPTH_MAX:
        return
    match info:
        case str() if _AMOUNT.fullmatch(info):
            yield Decimal(info)
        case int():
            yield Decimal(info)
        case dict():
            for value in info.values():
                yield from _amounts(value, depth + 1)
        case list():
            for value in info:
                yield from _amounts(value, depth + 1)
        case _:
            return
