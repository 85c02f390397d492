"""Decide whether a simulated venue takes a request: grid, limits and order combinations; hold no state.

The rules are those of Binance spot (PRICE_FILTER, LOT_SIZE, NOTIONAL); a market order's notional is judged by
the reference price.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from attrs import frozen

from meva_core.errors import OffGridError
from meva_core.execution.venue_orders import VenueOrder
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, plain
from meva_core.model.order import OrderRequest, OrderType, TimeInForce


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


def on_grid(request: OrderRequest, instrument: Instrument) -> VenueOrder | Refusal:
    """Return the order on the instrument's grid, or why it does not fit there."""
    fault = _combination_fault(request)
    if fault:
        return Refusal(RejectCode.BAD_COMBINATION, fault)
    quantity, limit = request.quantity, request.limit_price
    if not _positive(quantity) or quantity < instrument.min_quantity:
        return _out_of_range(RejectCode.LOT_SIZE, "quantity", quantity, f"at least {instrument.min_quantity}")
    if instrument.max_quantity is not None and quantity > instrument.max_quantity:
        return _out_of_range(RejectCode.LOT_SIZE, "quantity", quantity, f"at most {instrument.max_quantity}")
    if limit is not None and not _positive(limit):
        return _out_of_range(RejectCode.PRICE_FILTER, "price", limit, "a positive number")
    try:
        lots = instrument.lots(quantity)
        limit_ticks = None if limit is None else instrument.ticks(limit)
    except OffGridError as error:
        code = RejectCode.LOT_SIZE if error.name == "quantity" else RejectCode.PRICE_FILTER
        return Refusal(code, str(error))
    return VenueOrder(request, instrument, lots=lots, limit_ticks=limit_ticks)


def notional_refusal(notional: Decimal, instrument: Instrument) -> Refusal | None:
    """Return why an order worth *notional* of the quote asset is too small or too large, or None."""
    if notional < instrument.min_notional:
        return _out_of_range(RejectCode.NOTIONAL, "notional", notional, f"at least {instrument.min_notional}")
    if instrument.max_notional is not None and notional > instrument.max_notional:
        return _out_of_range(RejectCode.NOTIONAL, "notional", notional, f"at most {instrument.max_notional}")
    return None


def _combination_fault(request: OrderRequest) -> str:
    if (request.type is OrderType.MARKET) != (request.limit_price is None):
        return f"a {request.type} order {'needs a' if request.limit_price is None else 'has no'} price"
    if request.post_only and (request.limit_price is None or request.time_in_force is not TimeInForce.GTC):
        return f"a post-only order rests, a {request.type} order with {request.time_in_force} may not"
    return ""


def _positive(value: Decimal) -> bool:
    return value.is_finite() and value > 0


def _out_of_range(code: RejectCode, name: str, value: Decimal, expected: str) -> Refusal:
    shown = plain(EXACT.normalize(value)) if value.is_finite() else str(value)
    return Refusal(code, f"{name} {shown} is not {expected}")
