"""Define where metrics go: counters, gauges and timings, fire and forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class MetricsSink(Protocol):
    """Take measurements. Implementations never raise and never block a decision."""

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        """Add *value* to the counter *name*."""
        ...

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Set the gauge *name* to *value*."""
        ...

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Record a duration of *value* milliseconds under *name*."""
        ...
