"""Calculate with whole columns exactly as with single numbers, or refuse; know nothing of markets.

An expression over these columns gives, row by row, the very bits that the same expression over Python's numbers
gives. What cannot be proven to do so raises: an integer that may not fit, a float made from an integer that has
none, a division by zero, and every operation that would look beyond its own row (there is no length, no index, no
sum, no truth). So a calculation that ends without an error was elementwise and exact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_INT64_MAX: Final = (1 << 63) - 1
_FLOAT_EXACT: Final = (
    1 << 53
)  # Up to here every integer is a float, so dividing floats rounds as dividing integers.


def exactly() -> np.errstate:
    """Return the context to calculate in: what Python refuses, or rounds to infinity, raises here too."""
    return np.errstate(all="raise", under="ignore")


class _Column:
    """Refuse whatever is not elementwise."""

    __slots__ = ()
    __array_ufunc__ = None  # numpy's own functions must not take a column apart.

    def __bool__(self) -> bool:
        raise TypeError("a column has no truth: write & and | for and and or")


class IntColumn(_Column):
    """Hold 64-bit integers, of which none is farther from zero than *bound*."""

    __slots__ = ("bound", "values")
    __hash__ = None  # type: ignore[assignment]  # Equality compares rows.

    def __init__(self, values: Ints, bound: int | None = None) -> None:
        self.values = values
        self.bound = _largest(values) if bound is None else bound
        if self.bound > _INT64_MAX:
            raise OverflowError("integers beyond 64 bits have no column")

    def __add__(self, other: Any) -> IntColumn | FloatColumn:
        return _sum(self, other, np.add)

    __radd__ = __add__

    def __sub__(self, other: Any) -> IntColumn | FloatColumn:
        return _sum(self, other, np.subtract)

    def __rsub__(self, other: Any) -> IntColumn | FloatColumn:
        return -self + other if _is_int(other) else FloatColumn(_floats(other) - _floats(self))

    def __mul__(self, other: Any) -> IntColumn | FloatColumn:
        if not _is_int(other):
            return FloatColumn(_floats(self) * _floats(other))
        values, bound = _ints(other)
        return _within(self.bound * bound, lambda: self.values * values)

    __rmul__ = __mul__

    def __neg__(self) -> IntColumn:
        return IntColumn(-self.values, self.bound)

    def __abs__(self) -> IntColumn:
        return IntColumn(np.abs(self.values), self.bound)

    def __truediv__(self, other: Any) -> FloatColumn:
        return FloatColumn(_floats(self) / _floats(other))

    def __rtruediv__(self, other: Any) -> FloatColumn:
        return FloatColumn(_floats(other) / _floats(self))

    def __lt__(self, other: Any) -> BoolColumn:
        return _compared(self, other, np.less)

    def __le__(self, other: Any) -> BoolColumn:
        return _compared(self, other, np.less_equal)

    def __gt__(self, other: Any) -> BoolColumn:
        return _compared(self, other, np.greater)

    def __ge__(self, other: Any) -> BoolColumn:
        return _compared(self, other, np.greater_equal)

    def __eq__(self, other: object) -> BoolColumn:  # type: ignore[override]
        return _compared(self, other, np.equal)

    def __ne__(self, other: object) -> BoolColumn:  # type: ignore[override]
        return _compared(self, other, np.not_equal)


class FloatColumn(_Column):
    """Hold floats."""

    __slots__ = ("values",)
    __hash__ = None  # type: ignore[assignment]  # Equality compares rows.

    def __init__(self, values: Floats | float) -> None:
        self.values = np.asarray(values)  # One of the operands was a column, so this is one.

    def __add__(self, other: Any) -> FloatColumn:
        return FloatColumn(self.values + _floats(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> FloatColumn:
        return FloatColumn(self.values - _floats(other))

    def __rsub__(self, other: Any) -> FloatColumn:
        return FloatColumn(_floats(other) - self.values)

    def __mul__(self, other: Any) -> FloatColumn:
        return FloatColumn(self.values * _floats(other))

    __rmul__ = __mul__

    def __neg__(self) -> FloatColumn:
        return FloatColumn(-self.values)

    def __abs__(self) -> FloatColumn:
        return FloatColumn(np.abs(self.values))

    def __truediv__(self, other: Any) -> FloatColumn:
        return FloatColumn(self.values / _floats(other))

    def __rtruediv__(self, other: Any) -> FloatColumn:
        return FloatColumn(_floats(other) / self.values)

    def __lt__(self, other: Any) -> BoolColumn:
        return BoolColumn(np.less(self.values, _floats(other)))

    def __le__(self, other: Any) -> BoolColumn:
        return BoolColumn(np.less_equal(self.values, _floats(other)))

    def __gt__(self, other: Any) -> BoolColumn:
        return BoolColumn(np.greater(self.values, _floats(other)))

    def __ge__(self, other: Any) -> BoolColumn:
        return BoolColumn(np.greater_equal(self.values, _floats(other)))

    def __eq__(self, other: object) -> BoolColumn:  # type: ignore[override]
        return BoolColumn(np.equal(self.values, _floats(other)))

    def __ne__(self, other: object) -> BoolColumn:  # type: ignore[override]
        return BoolColumn(np.not_equal(self.values, _floats(other)))


class BoolColumn(_Column):
    """Hold truths. `~` is left out: of a single truth Python makes a number that is always true."""

    __slots__ = ("values",)
    __hash__ = None  # type: ignore[assignment]  # Equality compares rows.

    def __init__(self, values: Bools) -> None:
        self.values = values

    def __and__(self, other: Any) -> BoolColumn:
        return BoolColumn(self.values & _bools(other))

    __rand__ = __and__

    def __or__(self, other: Any) -> BoolColumn:
        return BoolColumn(self.values | _bools(other))

    __ror__ = __or__

    def __xor__(self, other: Any) -> BoolColumn:
        return BoolColumn(self.values ^ _bools(other))

    __rxor__ = __xor__

    def __eq__(self, other: object) -> BoolColumn:  # type: ignore[override]
        return BoolColumn(self.values == _bools(other))

    def __ne__(self, other: object) -> BoolColumn:  # type: ignore[override]
        return BoolColumn(self.values != _bools(other))


def root(column: IntColumn | FloatColumn) -> FloatColumn:
    """Return the square root, rounded as `math.sqrt` rounds it."""
    if isinstance(column, IntColumn):  # Any integer becomes the float nearest to it first, in either form.
        return FloatColumn(np.sqrt(column.values.astype(np.float64)))
    return FloatColumn(np.sqrt(column.values))


def quotient_or(
    numerator: IntColumn | FloatColumn, denominator: IntColumn | FloatColumn, instead: Floats | float
) -> FloatColumn:
    """Return the quotient, and *instead* where the denominator is zero or less."""
    divided = np.array(np.broadcast_to(np.asarray(instead, np.float64), denominator.values.shape))
    above, below = _floats(numerator), _floats(denominator)
    np.divide(above, below, out=divided, where=denominator.values > 0)
    return FloatColumn(divided)


def running(start: int, changes: Ints) -> IntColumn:
    """Return *start* plus the sum of all *changes* up to each row."""
    if abs(start) + len(changes) * _largest(changes) > _INT64_MAX:
        raise OverflowError("integers beyond 64 bits have no column")
    sums = np.cumsum(changes)
    sums += start
    return IntColumn(sums)


def _largest(values: Ints) -> int:
    return max(int(values.max()), -int(values.min())) if len(values) else 0


def _is_int(operand: Any) -> bool:
    return isinstance(operand, IntColumn | int)


def _ints(operand: Any) -> tuple[Ints | int, int]:
    if isinstance(operand, IntColumn):
        return operand.values, operand.bound
    if abs(operand) > _INT64_MAX:
        raise OverflowError("integers beyond 64 bits have no column")
    return int(operand), abs(operand)


def _floats(operand: Any) -> Floats | float:
    """Return *operand* as floats, where Python's arithmetic would take it as the same ones."""
    match operand:
        case FloatColumn():
            return operand.values
        case float():
            return operand
        case IntColumn() if operand.bound <= _FLOAT_EXACT:
            return operand.values.astype(np.float64)
        case int() if abs(operand) <= _FLOAT_EXACT:
            return float(operand)
        case IntColumn() | int():
            raise OverflowError("an integer beyond 2**53 need not be a float")
        case _:
            raise TypeError(f"a column cannot be combined with {type(operand).__name__}")


def _bools(operand: Any) -> Bools | bool:
    match operand:
        case BoolColumn():
            return operand.values
        case bool():
            return operand
        case _:
            raise TypeError(f"a column of truths cannot be combined with {type(operand).__name__}")


def _within(bound: int, values: Callable[[], Ints]) -> IntColumn:
    """Return what *values* gives, which is asked only if nothing can wrap."""
    if bound > _INT64_MAX:
        raise OverflowError("integers beyond 64 bits have no column")
    return IntColumn(values(), bound)


def _sum(one: IntColumn, other: Any, combine: Callable[..., Any]) -> IntColumn | FloatColumn:
    if not _is_int(other):
        return FloatColumn(combine(_floats(one), _floats(other)))
    values, bound = _ints(other)
    return _within(one.bound + bound, lambda: combine(one.values, values))


def _compared(one: IntColumn, other: Any, compare: Callable[..., Any]) -> BoolColumn:
    if _is_int(other):
        return BoolColumn(compare(one.values, _ints(other)[0]))
    return BoolColumn(compare(_floats(one), _floats(other)))
