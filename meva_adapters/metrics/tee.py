"""Hand every measurement to several sinks; keep none."""

from __future__ import annotations

from collections.abc import Mapping

from meva_core.ports.metrics import MetricsSink


class TeeMetricsSink:
    """Be all of *sinks* at once, in their order."""

    def __init__(self, *sinks: MetricsSink) -> None:
        self._sinks = sinks

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        """Add *value* to the counter *name* everywhere."""
        for sink in self._sinks:
            sink.incr(name, value, tags)

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Set the gauge *name* everywhere."""
        for sink in self._sinks:
            sink.gauge(name, value, tags)

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Record a duration everywhere."""
        for sink in self._sinks:
            sink.timing_ms(name, value, tags)
