"""Say when days begin in a time zone; the core counts nanoseconds and knows no zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from meva_core.agent.account_watch import next_utc_day
from meva_core.model.market import NS_PER_SECOND


def day_in(zone: str) -> Callable[[int], str]:
    """Return a function from a time (ns UTC) to the day in *zone*, as an ISO date; clock changes included."""
    where = ZoneInfo(zone)

    def day(time_ns: int) -> str:
        return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).astimezone(where).date().isoformat()

    return day


def next_day_in(zone: str) -> Callable[[int], int]:
    """Return a function from a time (ns UTC) to the first later moment at which a day begins in *zone*.

    *zone* is `UTC` or an IANA name. A day that begins in the gap of a clock change begins when the gap ends.
    """
    if zone == "UTC":
        return next_utc_day
    where = ZoneInfo(zone)

    def next_day(time_ns: int) -> int:
        today = datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).astimezone(where).date()
        midnight = datetime.combine(today + timedelta(days=1), time(), where)
        return int(midnight.timestamp()) * NS_PER_SECOND

    return next_day
