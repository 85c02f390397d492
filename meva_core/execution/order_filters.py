"""Decide whether a simulated venue takes a request: grid, limits and order combinations; remember no order.

The rules are those of Binance spot (PRICE_FILTER, LOT_SIZE, NOTIONAL); a market order's notional is judged by
the reference price.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import frozen

from meva_core.errors import OffGridError
from meva_core.execution.venue_orders import VenueOrder
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, ZERO, plain
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

_MARKET: Final = OrderType.MARKET  # Bound once: an enum looks its members up slowly, and this is per order.
_NO_LIMIT: Final = Decimal("Infinity")
# Most orders have one of few sizes; ever new ones must not fill the memory.
_SIZES_KEPT: Final = 64


class RejectCode(StrEnum):
    """Name every reason for which the simulated venue refuses an order."""

    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    BAD_COMBINATION = "BAD_COMBINATION"
    PRICE_FILTER = "PRICE_FILTER"
    LOT_SIZE = "LOT_SIZE"
    NOTIONAL = "NOTIONAL"
    NO_PRICE = "NO_PRICE"
    NO_BOOK = "NO_BOOK"
    WOULD_TAKE = "WOULD_TAKE"
    DUPLICATE_ORDER = "DUPLICATE_ORDER"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"


@frozen
class Refusal:
    """Say why an order is refused, in one sentence with its values."""

    code: RejectCode
    reason: str


class OrderFilters:
    """Apply the filters of one market; its bounds are looked up once, not per order."""

    __slots__ = (
        "_instrument",
        "_lot_size",
        "_lots",
        "_max_notional",
        "_max_quantity",
        "_min_notional",
        "_min_quantity",
        "_tick_size",
    )

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._tick_size, self._lot_size = instrument.tick_size, instrument.lot_size
        self._min_quantity, self._min_notional = instrument.min_quantity, instrument.min_notional
        self._max_quantity = _NO_LIMIT if instrument.max_quantity is None else instrument.max_quantity
        self._max_notional = _NO_LIMIT if instrument.max_notional is None else instrument.max_notional
        self._lots: dict[
            Decimal, int
        ] = {}  # Of the sizes seen lately: to divide and to count costs much more.

    def on_grid(self, request: OrderRequest) -> VenueOrder | Refusal:
        """Return the order on the market's grid, or why it does not fit there. Call it inside `exact()`."""
        quantity, limit = request.quantity, request.limit_price
        if (request.type is _MARKET) is not (limit is None) or request.post_only:
            fault = _combination_fault(request)
            if fault:
                return Refusal(RejectCode.BAD_COMBINATION, fault)
        lots = self._lots.get(quantity) if quantity.is_finite() else None
        if lots is None:
            measured = self._measure(quantity)
            if isinstance(measured, Refusal):
                return measured
            lots = measured
        if limit is None:
            return VenueOrder(request, self._instrument, lots, None)
        if not (limit.is_finite() and limit > ZERO):
            return _out_of_range(RejectCode.PRICE_FILTER, "price", limit, "a positive number")
        limit_ticks, rest = divmod(limit, self._tick_size)
        if rest:
            return self._off_grid(RejectCode.PRICE_FILTER, "price", limit, self._tick_size)
        return VenueOrder(request, self._instrument, lots, int(limit_ticks))

    def notional_refusal(self, notional: Decimal) -> Refusal | None:
        """Return why an order worth *notional* of the quote asset is too small or too large, or None."""
        if notional < self._min_notional:
            expected = f"at least {self._min_notional}"
        elif notional > self._max_notional:
            expected = f"at most {self._max_notional}"
        else:
            return None
        return _out_of_range(RejectCode.NOTIONAL, "notional", notional, expected)

    def _measure(self, quantity: Decimal) -> int | Refusal:
        """Return how many lots *quantity* is, or why no order may have it."""
        if not (quantity.is_finite() and quantity > ZERO and quantity >= self._min_quantity):
            return _out_of_range(RejectCode.LOT_SIZE, "quantity", quantity, f"at least {self._min_quantity}")
        if quantity > self._max_quantity:
            return _out_of_range(RejectCode.LOT_SIZE, "quantity", quantity, f"at most {self._max_quantity}")
        lots, rest = divmod(quantity, self._lot_size)
        if rest:
            return self._off_grid(RejectCode.LOT_SIZE, "quantity", quantity, self._lot_size)
        if len(self._lots) >= _SIZES_KEPT:
            self._lots.clear()
        self._lots[quantity] = counted = int(lots)
        return counted

    def _off_grid(self, code: RejectCode, name: str, value: Decimal, step: Decimal) -> Refusal:
        return Refusal(code, str(OffGridError(self._instrument.symbol, name, value, step)))


def _combination_fault(request: OrderRequest) -> str:
    if (request.type is OrderType.MARKET) != (request.limit_price is None):
        return f"a {request.type} order {'needs a' if request.limit_price is None else 'has no'} price"
    if request.post_only and (request.limit_price is None or request.time_in_force is not TimeInForce.GTC):
        return f"a post-only order rests, a {request.type} order with {request.time_in_force} may not"
    return ""


def _out_of_range(code: RejectCode, name: str, value: Decimal, expected: str) -> Refusal:
    shown = plain(EXACT.normalize(value)) if value.is_finite() else str(value)
    return Refusal(code, f"{name} {shown} is not {expected}")
