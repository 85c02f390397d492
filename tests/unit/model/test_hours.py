"""Times of day are written in one way, and a span may pass midnight."""

from __future__ import annotations

import pytest

from meva_core.model.hours import NS_PER_DAY, Hours, time_of_day_ns
from meva_core.model.market import NS_PER_SECOND

HOUR_NS = 3_600 * NS_PER_SECOND


def test_a_time_is_counted_from_midnight() -> None:
    """Hours and minutes, two digits each."""
    assert [0, 7 * HOUR_NS + 30 * 60 * NS_PER_SECOND, NS_PER_DAY - 60 * NS_PER_SECOND] == [
        time_of_day_ns(text) for text in ("00:00", "07:30", "23:59")
    ]


@pytest.mark.parametrize("text", ["", "7:30", "24:00", "07:60", "07:30:00", "0730", " 07:30", "07:30\n"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Nothing is guessed."""
    assert time_of_day_ns(text) is None


@pytest.mark.parametrize("text", ["", "22:00", "22:00-", "22:00-22:00", "22:00-25:00", "22:00 - 06:00"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """An empty span would hold nothing, or everything: it has no meaning."""
    assert Hours.read(text) is None


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        ("22:00-06:00", [22, 23, 0, 1, 2, 3, 4, 5]),
        ("00:00-06:00", [0, 1, 2, 3, 4, 5]),
        ("09:00-11:00", [9, 10]),
        ("23:00-00:00", [23]),
    ],
)
def test_a_span_holds_its_start_and_not_its_end(text: str, quiet: list[int]) -> None:
    """On every day, also where it passes midnight."""
    hours = Hours.read(text)

    assert hours is not None
    for day in (0, 20_000):
        held = [hour for hour in range(24) if hours.hold(day * NS_PER_DAY + hour * HOUR_NS)]
        assert sorted(quiet) == held
        last_ns = day * NS_PER_DAY + (quiet[-1] + 1) * HOUR_NS - 1
        assert hours.hold(last_ns)
        assert not hours.hold(last_ns + 1)
