"""Keep measurements in memory, to be looked at by tests, notebooks and the status page; send none."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Final

# Enough for percentiles of the recent past, and soon full: memory that grows for hours looks like a leak.
TIMINGS_MAX: Final = 1_000

Series = tuple[str, tuple[tuple[str, str], ...]]


class MemoryMetricsSink:
    """Keep the sum of each counter, the last value of each gauge, and recent durations of each timing.

    A series is a name with its tags; the order of tags does not matter.

    >>> sink = MemoryMetricsSink()
    >>> sink.incr("risk_reject_total", tags={"code": "stale_data"})
    >>> sink.counter("risk_reject_total", code="stale_data")
    1
    """

    def __init__(self, *, timings_max: int = TIMINGS_MAX) -> None:
        self._timings_max = timings_max
        self.counters: dict[Series, int] = {}
        self.gauges: dict[Series, float] = {}
        self.timings: dict[Series, deque[float]] = {}
        self.dropped = 0

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        """Add *value* to the counter *name*."""
        series = _series(name, tags)
        self.counters[series] = self.counters.get(series, 0) + value

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Set the gauge *name*; what is no finite number is dropped and counted."""
        if not math.isfinite(value):
            self.dropped += 1
            return
        self.gauges[_series(name, tags)] = value

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Append a duration to *name*; what is no finite number is dropped and counted."""
        if not math.isfinite(value):
            self.dropped += 1
            return
        series = _series(name, tags)
        if series not in self.timings:
            self.timings[series] = deque(maxlen=self._timings_max)
        self.timings[series].append(value)

    def counter(self, name: str, **tags: str) -> int:
        """Return the sum of a counter, 0 when it never counted."""
        return self.counters.get(_series(name, tags), 0)

    def level(self, name: str, **tags: str) -> float | None:
        """Return the last value of a gauge, `None` when it was never set."""
        return self.gauges.get(_series(name, tags))

    def durations_ms(self, name: str, **tags: str) -> tuple[float, ...]:
        """Return the recent durations of a timing, oldest first."""
        return tuple(self.timings.get(_series(name, tags), ()))


def _series(name: str, tags: Mapping[str, str] | None) -> Series:
    return name, tuple(sorted(tags.items())) if tags else ()
