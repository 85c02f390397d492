"""A day begins at midnight of its zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from meva_adapters.clock.day_zone import next_day_in


def ns(text: str) -> int:
    """Return an ISO time as ns UTC."""
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        ("UTC", "2026-03-02T00:00:00+00:00", "2026-03-03T00:00:00+00:00"),
        ("UTC", "2026-03-02T23:59:59+00:00", "2026-03-03T00:00:00+00:00"),
        ("Europe/Berlin", "2026-03-02T12:00:00+00:00", "2026-03-02T23:00:00+00:00"),
        ("Europe/Berlin", "2026-03-28T23:30:00+00:00", "2026-03-29T22:00:00+00:00"),  # 23 hours long.
        ("Europe/Berlin", "2026-10-24T22:30:00+00:00", "2026-10-25T23:00:00+00:00"),  # 25 hours long.
        ("America/New_York", "2026-07-01T03:59:59+00:00", "2026-07-01T04:00:00+00:00"),
    ],
)
def test_the_next_day_begins_at_midnight_of_the_zone(zone: str, now: str, begins: str) -> None:
    """The moment is the first after now at which the date changes there."""
    found = next_day_in(zone)(ns(now))

    assert ns(begins) == found, datetime.fromtimestamp(found / 1e9, UTC)


def test_days_follow_each_other_without_an_end_in_sight() -> None:
    """Stepping from day to day never stands still, over a year with two clock changes."""
    next_day = next_day_in("Europe/Berlin")
    moment = ns("2026-01-01T00:00:00+01:00")
    lengths = []
    for _ in range(365):
        following = next_day(moment)
        lengths.append((following - moment) // 3_600_000_000_000)
        moment = following

    assert {23, 24, 25} == set(lengths)
    assert ns("2027-01-01T00:00:00+01:00") == moment
