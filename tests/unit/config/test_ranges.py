"""Every number of the configuration has a limit."""

from __future__ import annotations

import re
from decimal import Decimal

import attrs
import pytest

from meva_core.config import schema
from meva_core.config.ranges import LARGEST, RANGES, Range

SECTIONS = [item for item in vars(schema).values() if attrs.has(item) and item.__module__ == schema.__name__]
NUMBER = re.compile(r"\b(int|float|Decimal)\b")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_number_is_bounded(section: type) -> None:
    """No field of numbers is left without a range, and no range is left over."""
    numbers = [field.name for field in attrs.fields(section) if NUMBER.search(str(field.type))]

    assert sorted(RANGES.get(section, {})) == sorted(numbers)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_defaults_are_in_range(section: type) -> None:
    """A default obeys the range of its field."""
    broken = [
        field.name
        for field in attrs.fields(section)
        if isinstance(field.default, int | float | Decimal)
        and not isinstance(field.default, bool)
        and not RANGES[section][field.name].holds(field.default)
    ]

    assert [] == broken


@pytest.mark.parametrize("value", [1, 5, Decimal(5), 1.5, Decimal("1.0000000001")])
def test_both_ends_belong_to_a_range(value: Decimal | float) -> None:
    """Ends and whatever lies between are inside."""
    assert Range(1, 5).holds(value)


@pytest.mark.parametrize(
    "value", [0, 6, Decimal("5.0000000001"), float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN")]
)
def test_what_is_outside_or_no_number_is_refused(value: Decimal | float) -> None:
    """Also NaN and infinity are outside every range."""
    assert not Range(1, 5).holds(value)


def test_an_open_end_is_left_out() -> None:
    """More than nothing is not nothing."""
    assert not Range(0, 5, open_low=True).holds(Decimal(0))


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        (Range(0, LARGEST), "at least 0"),
        (Range(0, LARGEST, open_low=True), "more than 0"),
        (Range(1, 5), "1 to 5"),
        (Range(0, 5, open_low=True), "more than 0 to 5"),
    ],
)
def test_a_range_tells_itself(bounds: Range, told: str) -> None:
    """The sentence in an error says exactly what is allowed."""
    assert told == str(bounds)
