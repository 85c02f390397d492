"""Fix how money is calculated: exact Decimal in a trapped context, rounding only by name."""

from __future__ import annotations

import decimal
from contextlib import AbstractContextManager
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal, getcontext, setcontext
from typing import Final

from meva_core.errors import OffGridError

ZERO: Final = Decimal(0)

# 60 digits hold any product of two 28-digit amounts; what needs more is a bug, and raises.
_DIGITS: Final = 60
EXACT: Final = decimal.Context(
    prec=_DIGITS,
    rounding=ROUND_DOWN,
    traps=[
        decimal.Inexact,
        decimal.InvalidOperation,
        decimal.FloatOperation,
        decimal.DivisionByZero,
        decimal.Overflow,
    ],
)
_ROUNDING: Final = decimal.Context(
    prec=_DIGITS, traps=[decimal.InvalidOperation, decimal.FloatOperation, decimal.DivisionByZero]
)


class within(AbstractContextManager[None]):  # noqa: N801 - used as a function
    """Put *context* itself in force for a block, then what was in force before; nothing is copied.

    To change the context costs as much as twenty additions, so nothing is done where it is in force already. Whoever
    works inside may leave another one.
    """

    __slots__ = ("_context", "_outer")

    def __init__(self, context: decimal.Context) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._outer = getcontext()
        if self._outer is not self._context:
            setcontext(self._context)

    def __exit__(self, *_error: object) -> None:
        if getcontext() is not self._outer:
            setcontext(self._outer)


def exact() -> AbstractContextManager[None]:
    """Return a context manager inside which Decimal operators are exact or raise.

    Operators cost a third of the methods of `EXACT`, so what is done per order relies on it.
    """
    return within(EXACT)


def quantise_down(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of *step* whose magnitude does not exceed that of *value*."""
    return EXACT.multiply(_ROUNDING.divide(value, step).to_integral_value(ROUND_DOWN), step)


def quantise_up(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of *step* whose magnitude is at least that of *value*."""
    return _quantise(value, step, ROUND_UP)


def round_up(value: Decimal, unit: Decimal) -> Decimal:
    """Return *value* rounded away from zero to the decimals of *unit*, a power of ten such as 0.01.

    It equals `quantise_up` there at a quarter of its time.
    """
    return value.quantize(unit, ROUND_UP, _ROUNDING)


def quantise_nearest(value: Decimal, step: Decimal) -> Decimal:
    """Return the multiple of *step* nearest to *value*; ties go to the even multiple."""
    return _quantise(value, step, ROUND_HALF_EVEN)


def divide_down(dividend: Decimal, divisor: Decimal, step: Decimal) -> Decimal:
    """Return the quotient cut toward zero to a multiple of *step*; the caller keeps the remainder."""
    steps = _ROUNDING.divide_int(dividend, EXACT.multiply(divisor, step))
    return EXACT.multiply(steps, step)


def whole_steps(value: Decimal, step: Decimal, *, symbol: str, name: str) -> int:
    """Return how many *step* make up *value* exactly; raise `OffGridError` when none do."""
    steps, rest = EXACT.divmod(value, step)
    if rest:
        raise OffGridError(symbol, name, value, step)
    return int(steps)


def plain(value: Decimal) -> str:
    """Return *value* in plain notation, never with an exponent: `1E-8` becomes `0.00000001`."""
    return f"{value:f}"


def decimals_of(step: Decimal) -> int:
    """Return how many decimals a multiple of *step* needs: 2 for 0.01, 0 for 1 and for 10."""
    exponent = step.normalize(_ROUNDING).as_tuple().exponent
    if not isinstance(exponent, int):
        raise OffGridError("", "step", step, "a finite number")
    return max(0, -exponent)


def _quantise(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    steps = _ROUNDING.divide(value, step).to_integral_value(rounding)
    return EXACT.multiply(steps, step)
