"""A calculation with columns gives the bits of the same calculation with numbers, row by row, or raises."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.exact_columns import (
    BoolColumn,
    FloatColumn,
    IntColumn,
    exactly,
    quotient_or,
    root,
    running,
)

NUMBERS = (operator.add, operator.sub, operator.mul, operator.truediv)
COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
TRUTHS = (operator.and_, operator.or_, operator.xor, operator.eq, operator.ne)

ints = st.one_of(st.integers(-100, 100), st.integers(-(2**63) + 1, 2**63 - 1))
floats = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from((0.0, -0.0, 0.5, 1e308)))
REFUSED = (OverflowError, FloatingPointError, TypeError)


def column(values: list[Any]) -> Any:
    """Return the column of *values*."""
    if isinstance(values[0], bool):
        return BoolColumn(np.array(values))
    if isinstance(values[0], int):
        return IntColumn(np.array(values, np.int64))
    return FloatColumn(np.array(values, np.float64))


def bits(values: Any) -> list[Any]:
    """Return numbers so that a zero differs from a negative one, and an integer from a float."""
    return [value.hex() if isinstance(value, float) else value for value in values]


def check(operation: Callable[[Any, Any], Any], ones: list[Any], others: list[Any]) -> bool:
    """Return whether the columns answered; they must have answered as the numbers did."""
    try:
        with exactly():
            found = operation(column(ones), column(others)).values.tolist()
            with_one = operation(column(ones), others[0]).values.tolist()
            one_with = operation(ones[0], column(others)).values.tolist()
    except REFUSED:
        return False
    assert bits(map(operation, ones, others)) == bits(found)
    assert bits(operation(one, others[0]) for one in ones) == bits(with_one)
    assert bits(operation(ones[0], other) for other in others) == bits(one_with)
    return True


@given(
    st.lists(st.tuples(st.one_of(ints), ints), min_size=1, max_size=5), st.sampled_from(NUMBERS + COMPARISONS)
)
def test_integers_are_exact_or_refused(
    pairs: list[tuple[int, int]], operation: Callable[[Any, Any], Any]
) -> None:
    """No integer wraps, no quotient is rounded twice."""
    ones, others = [list(each) for each in zip(*pairs, strict=True)]
    answered = check(operation, ones, others)

    small = max(map(abs, ones + others)) <= 2**31
    assert answered or not small or 0 in others, "small numbers are never refused"


@given(st.lists(st.tuples(floats, floats), min_size=1, max_size=5), st.sampled_from(NUMBERS + COMPARISONS))
def test_floats_are_those_of_python(
    pairs: list[tuple[float, float]], operation: Callable[[Any, Any], Any]
) -> None:
    """What Python refuses, or turns into infinity, is refused."""
    ones, others = [list(each) for each in zip(*pairs, strict=True)]
    answered = check(operation, ones, others)

    tame = all(value == 0 or 1e-9 < abs(value) < 1e9 for value in ones + others)
    assert answered or not tame or 0 in others


@given(st.lists(st.tuples(ints, floats), min_size=1, max_size=5), st.sampled_from(NUMBERS + COMPARISONS))
def test_integers_meet_floats_as_in_python(
    pairs: list[tuple[int, float]], operation: Callable[[Any, Any], Any]
) -> None:
    """An integer that has no float of its own is refused beside one."""
    ones, others = [list(each) for each in zip(*pairs, strict=True)]
    check(operation, ones, others)
    check(operation, others, ones)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5), st.sampled_from(TRUTHS))
def test_truths_combine_as_in_python(
    pairs: list[tuple[bool, bool]], operation: Callable[[Any, Any], Any]
) -> None:
    """And, or, exclusive or, equal and not."""
    ones, others = [list(each) for each in zip(*pairs, strict=True)]

    assert check(operation, ones, others)


@pytest.mark.parametrize(
    "beyond_its_row",
    [
        bool,
        len,
        sum,
        max,
        lambda each: each[0],
        lambda each: each.mean(),
        lambda each: each and True,
        lambda each: not each,
        lambda each: ~each,
        lambda each: each**2,
        lambda each: each // 2,
        lambda each: each < None,
        lambda each: each == "x",
        np.sqrt,
        math.sqrt,
        float,
        int,
        hash,
    ],
)
@pytest.mark.parametrize("values", [[1, 2, 3], [1.0, 2.0, 3.0], [True, False, True]])
def test_whatever_is_not_elementwise_and_exact_raises(
    beyond_its_row: Callable[[Any], Any], values: list[Any]
) -> None:
    """A guard cannot look ahead, reduce a column to one number, or use what rounds differently."""
    with pytest.raises((TypeError, AttributeError)), exactly():
        beyond_its_row(column(values))


def test_a_division_by_zero_raises_as_in_python() -> None:
    """No infinity appears."""
    with pytest.raises(FloatingPointError), exactly():
        column([1, 2]) / column([1, 0])


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_a_root_is_rounded_as_the_root_of_a_number(values: list[int]) -> None:
    """The integer becomes the nearest float first, in both forms."""
    assert [math.sqrt(value) for value in values] == root(column(values)).values.tolist()


def test_a_quotient_has_an_answer_where_there_is_none() -> None:
    """Where the denominator is not positive the other value stands."""
    assert [2.5, 7.0] == quotient_or(column([5, 1]), column([2, 0]), 7.0).values.tolist()


@given(st.integers(-(2**62), 2**62), st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=4))
def test_a_running_sum_is_exact_or_refused(start: int, changes: list[int]) -> None:
    """No partial sum wraps."""
    sums = [start + sum(changes[: row + 1]) for row in range(len(changes))]
    try:
        found = running(start, np.array(changes, np.int64)).values.tolist()
    except OverflowError:
        assert abs(start) + len(changes) * max(map(abs, changes)) >= 2**63
    else:
        assert sums == found
