"""A value compares, hashes and shows itself as the attrs class that it is."""

from __future__ import annotations

import attrs

from meva_core.events import OrderFilled
from meva_core.model.value import value
from tests.unit.ops.records import fill_booked


@value
class Pair:
    """Hold two things."""

    left: int
    right: str = "r"


def test_a_value_shows_itself_as_attrs_would() -> None:
    """Also when it holds others, or is declared inside a function."""

    @value
    class Inner:
        pair: Pair

    shown = repr(Inner(Pair(1)))

    assert "Inner(pair=Pair(left=1, right='r'))" == shown
    fill = fill_booked().fill
    plain = attrs.make_class("OrderFilled", ["time_ns", "fill"])
    assert repr(plain(7, fill)) == repr(OrderFilled(7, fill))


def test_equal_values_are_one_key() -> None:
    """They are compared field by field, with their own kind alone."""
    assert {Pair(1): "one"} == {Pair(1, "r"): "one"}
    assert Pair(1) != Pair(2)
