"""Read and write points of time as integer nanoseconds UTC; a time without a zone is UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from meva_adapters.wire.grid import INT64_MAX, BadCellError
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND

# Below each bound an integer counts this many nanoseconds: seconds until 5138, then ms, us, ns.
_UNITS: Final = ((10**11, NS_PER_SECOND), (10**14, NS_PER_MS), (10**17, 1_000))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_HOUR_AM_PM: Final = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d)-(AM|PM)", re.ASCII)  # CryptoDataDownload's hours.
_SECONDS: Final = re.compile(r"(\d{1,10})\.(\d{1,9})", re.ASCII)


def unit_ns(value: int) -> int:
    """Return how many nanoseconds one count of the integer time *value* is, judged by its magnitude."""
    return next((unit for bound, unit in _UNITS if value < bound), 1)


def time_ns(text: str, *, nanoseconds: bool = False) -> int:
    """Return the point of time in *text*: an integer, ISO-8601, or seconds with decimals.

    Integers are read as s, ms, us or ns by their magnitude, or as *nanoseconds* where the column says so.
    """
    if text.isdecimal() and text.isascii() and len(text) <= len(str(INT64_MAX)):
        value = int(text)
        found = value if nanoseconds else value * unit_ns(value)
    else:
        found = _text_ns(text.strip())
    if found > INT64_MAX:
        raise BadCellError(f"time {text} is later than 64 bits hold.", "Mend or remove the row.")
    return found


def text_of_ns(value_ns: int) -> str:
    """Return *value_ns* in ISO-8601, with as many decimals as it needs."""
    seconds, rest = divmod(value_ns, NS_PER_SECOND)
    second = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{second}{decimals}Z"


def _text_ns(text: str) -> int:
    try:
        if match := _ISO.fullmatch(text):
            return _iso_ns(*match.groups())
        if match := _HOUR_AM_PM.fullmatch(text):
            day, hour, half = match.groups()
            return _iso_ns(day, f"{_hour(int(hour), half):02d}:00", None, None)
    except ValueError as exc:
        raise BadCellError(f"time {text!r} does not exist.", "Mend or remove the row.") from exc
    if match := _SECONDS.fullmatch(text):
        whole, fraction = match.groups()
        return int(whole) * NS_PER_SECOND + int(fraction.ljust(9, "0"))
    raise BadCellError(
        f"time {text[:60]!r} is not understood.",
        "Write integers (s, ms, us or ns since 1970) or ISO-8601 in UTC, as in 2026-03-14T09:30:00Z.",
    )


def _iso_ns(day: str, clock: str | None, fraction: str | None, zone: str | None) -> int:
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone or 'Z'}")
    return (moment - _EPOCH) // _MICROSECOND * 1_000 + int((fraction or "").ljust(9, "0"))


def _hour(hour: int, half: str) -> int:
    if not 1 <= hour <= 12:  # noqa: PLR2004 - the hours of a clock's face.
        raise ValueError(hour)
    return hour % 12 + (12 if half == "PM" else 0)
