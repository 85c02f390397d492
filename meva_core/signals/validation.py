"""Say whether a strategy's answer is a valid signal, or name the first reason why not; judge no risk.

A strategy is a stranger's code: nothing about its answer is taken for granted, and no answer can raise here.
"""

from __future__ import annotations

from decimal import Decimal, DecimalException
from enum import StrEnum
from itertools import product
from operator import attrgetter
from types import NoneType
from typing import Any, Final

from attrs import fields, frozen

from meva_core.model.market import Side
from meva_core.model.money import EXACT
from meva_core.model.order import OrderType, TimeInForce
from meva_core.signals.strategy import Signal, SignalContext

# Grid values are 64-bit; a larger one is a mistake, and would only make exact arithmetic slow.
_STEPS_MAX: Final = Decimal(2**63 - 1)
_DIGITS_SAFE: Final = (
    18  # Two numbers whose leading digits are less apart have a quotient below 10**18 < 2**63.
)
_LARGEST_FLOAT: Final = 1.7976931348623157e308  # `math.isfinite` would raise on an integer beyond it.

# By exact type: a bool is an int to isinstance, and numpy's numbers print unlike Python's in a journal.
_FIELD_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "side": (Side,),
    "quantity": (Decimal,),
    "reason": (str,),
    "confidence": (float, int),
    "edge_bps": (float, int),
    "type": (OrderType,),
    "limit_price": (Decimal, NoneType),
    "time_in_force": (TimeInForce,),
    "post_only": (bool,),
    "reduce_only": (bool,),
    "expires_ns": (int,),
}
_VALUES: Final = attrgetter(*_FIELD_TYPES)
_TYPED: Final = frozenset(
    product(*_FIELD_TYPES.values())
)  # Every good combination: one look instead of eleven.
assert set(_FIELD_TYPES) == {field.name for field in fields(Signal)}, "every field of a signal is checked"

# A name of a module is found faster than a member of an enum, and every signal looks for it.
_MARKET: Final = OrderType.MARKET


class SignalReject(StrEnum):
    """Name every reason for which a signal is refused."""

    NOT_A_SIGNAL = "not_a_signal"
    WRONG_TYPE = "wrong_type"
    NAN = "nan"  # Not a number, or infinite.
    CONFIDENCE_OUT_OF_RANGE = "confidence_out_of_range"
    BAD_QUANTITY = "bad_quantity"  # Not positive, less than one lot, or beyond 64 bits of lots.
    MISSING_LIMIT_PRICE = "missing_limit_price"
    UNEXPECTED_LIMIT_PRICE = "unexpected_limit_price"  # A market order has none.
    BAD_LIMIT_PRICE = "bad_limit_price"  # Not positive, or beyond 64 bits of ticks.
    OFF_GRID_PRICE = "off_grid_price"
    POST_ONLY_CONFLICT = "post_only_conflict"  # Only a limit order that may rest can be post-only.
    EXPIRED = "expired"
    LOW_CONFIDENCE = "low_confidence"
    LOW_EDGE = "low_edge"


@frozen
class SignalLimits:
    """Hold what a signal must be worth; one that only reduces a position is exempt (an exit never waits)."""

    min_confidence: float = 0.0
    min_edge_bps: float = 0.0


def validate_signal(signal: object, ctx: SignalContext, limits: SignalLimits) -> SignalReject | None:
    """Return the first reason to refuse *signal* at the context's time, or `None` when it is valid.

    What nearly every signal is, a market order with plain numbers, is seen at a glance; any other is looked at
    in detail.
    """
    if not isinstance(signal, Signal):
        return SignalReject.NOT_A_SIGNAL
    stated: Any = signal  # Whatever the types of its fields are said to be.
    quantity, confidence, edge_bps = stated.quantity, stated.confidence, stated.edge_bps
    plain = (
        stated.type is _MARKET
        and stated.limit_price is None
        and stated.post_only is False
        and type(quantity) is Decimal
        and type(confidence) is float
        and type(edge_bps) is float
        and type(stated.side) is Side
        and type(stated.reason) is str
        and type(stated.time_in_force) is TimeInForce
        and type(stated.reduce_only) is bool
        and type(stated.expires_ns) is int
    )
    if not plain and tuple(map(type, _VALUES(signal))) not in _TYPED:
        return SignalReject.WRONG_TYPE
    if not (
        plain
        and quantity.is_finite()
        and 0 <= confidence <= 1
        and -_LARGEST_FLOAT <= edge_bps <= _LARGEST_FLOAT
    ):
        reason = _number_reason(signal)
        if reason is not None:
            return reason
    lot_size = ctx.instrument.lot_size
    digits_apart = quantity.adjusted() - lot_size.adjusted()
    if quantity < lot_size or (
        digits_apart >= _DIGITS_SAFE and quantity > EXACT.multiply(lot_size, _STEPS_MAX)
    ):
        return SignalReject.BAD_QUANTITY
    if not plain:
        reason = _price_reason(signal, ctx)
        if reason is not None:
            return reason
    if signal.expires_ns and signal.expires_ns < ctx.time_ns:
        return SignalReject.EXPIRED
    if signal.reduce_only:
        return None
    if confidence < limits.min_confidence:
        return SignalReject.LOW_CONFIDENCE
    return SignalReject.LOW_EDGE if edge_bps < limits.min_edge_bps else None


def _is_finite(number: float) -> bool:
    return abs(number) <= _LARGEST_FLOAT


def _number_reason(signal: Signal) -> SignalReject | None:
    price = signal.limit_price
    finite = _is_finite(signal.confidence) and _is_finite(signal.edge_bps) and signal.quantity.is_finite()
    if not finite or (price is not None and not price.is_finite()):
        return SignalReject.NAN
    return None if 0 <= signal.confidence <= 1 else SignalReject.CONFIDENCE_OUT_OF_RANGE


def _price_reason(signal: Signal, ctx: SignalContext) -> SignalReject | None:
    price, tick_size = signal.limit_price, ctx.instrument.tick_size
    if signal.type is _MARKET:
        if price is not None:
            return SignalReject.UNEXPECTED_LIMIT_PRICE
        return SignalReject.POST_ONLY_CONFLICT if signal.post_only else None
    if price is None:
        return SignalReject.MISSING_LIMIT_PRICE
    if not 0 < price <= EXACT.multiply(tick_size, _STEPS_MAX):
        return SignalReject.BAD_LIMIT_PRICE
    if not _is_multiple(price, tick_size):
        return SignalReject.OFF_GRID_PRICE
    if signal.post_only and signal.time_in_force is not TimeInForce.GTC:
        return SignalReject.POST_ONLY_CONFLICT
    return None


def _is_multiple(price: Decimal, tick_size: Decimal) -> bool:
    try:
        return not EXACT.remainder(price, tick_size)
    except DecimalException:  # More digits than any grid has: that is the answer, not a failure.
        return False
