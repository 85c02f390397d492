"""Rounding up to decimals is the fast form of rounding up to a step that is a power of ten."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meva_core.model.money import quantise_up, round_up


@given(
    value=st.decimals(min_value=-(10**12), max_value=10**12, places=14),
    unit=st.integers(0, 10).map(lambda places: Decimal(1).scaleb(-places)),
)
def test_it_equals_quantising_up(value: Decimal, unit: Decimal) -> None:
    """For either sign, away from zero."""
    assert quantise_up(value, unit) == round_up(value, unit)


def test_it_has_the_decimals_of_the_unit() -> None:
    """So amounts of one asset read alike."""
    assert "0.00024600" == str(round_up(Decimal("0.000246"), Decimal("1E-8")))
