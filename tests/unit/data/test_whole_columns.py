"""Questions about whole columns have the same answers for lists and for 64-bit arrays."""

from __future__ import annotations

import sys
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.whole_columns import bounds, chosen, has_zero, is_above, rises_by, shifted

INT64_MAX = (1 << 63) - 1
EXTREMES = st.sampled_from([-INT64_MAX - 1, -1, 0, 1, 2, INT64_MAX - 1, INT64_MAX])
VALUES = st.lists(EXTREMES | st.integers(-5, 5), min_size=1, max_size=12)


@given(values=VALUES, other=EXTREMES, step=st.sampled_from([0, 1, 2, 60_000_000_000]))
def test_arrays_and_lists_answer_alike(values: list[int], other: int, step: int) -> None:
    """At the ends of the 64 bits too, where a difference or a sum no longer fits."""
    column, others = array("q", values), [other] * len(values)

    assert (min(values), max(values)) == bounds(column) == bounds(values)
    assert (0 in values) == has_zero(column) == has_zero(values)
    assert is_above(values, others) == is_above(column, array("q", others)) == (max(values) > other)
    expected = all(later - earlier >= step for earlier, later in pairwise(values))
    assert expected == rises_by(column, step) == rises_by(values, step)
    assert [value + step for value in values] == list(shifted(column, step)) == shifted(values, step)


@given(words=st.lists(st.integers(0, 1), min_size=1, max_size=12))
def test_words_become_the_objects_they_stand_for(words: list[int]) -> None:
    """The very objects: whoever compares by identity may go on doing so."""
    pair = (("sell",), ("buy",))

    found = chosen(array("q", words), pair)

    assert all(one is other for one, other in zip(found, chosen(words, pair), strict=True))
    assert [pair[word] for word in words] == found


def test_without_numpy_arrays_are_walked_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accelerator is optional."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    column = array("q", [1, 2, 4])

    assert (1, 4) == bounds(column)
    assert [6, 7, 9] == shifted(column, 5)
    assert ["b", "a"] == chosen(array("q", [1, 0]), ("a", "b"))
