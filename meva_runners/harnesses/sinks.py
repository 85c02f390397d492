"""Run the metrics contract on the sinks that need nothing outside this process."""

from __future__ import annotations

from collections.abc import Mapping

from meva_adapters.contracts.metrics_kit import MetricsHarness
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.metrics.none import NoMetricsSink
from meva_core.ports.metrics import MetricsSink


class MemorySinkHarness(MetricsHarness):
    """The sink of tests and notebooks."""

    def make(self) -> MetricsSink:
        """Return an empty one."""
        return MemoryMetricsSink()

    def value_of(self, sink: MetricsSink, name: str, tags: Mapping[str, str]) -> float | None:
        """Look it up."""
        assert isinstance(sink, MemoryMetricsSink), "it made this sink"
        durations = sink.durations_ms(name, **tags)
        return (
            sink.counter(name, **tags) or sink.level(name, **tags) or (durations[-1] if durations else None)
        )


class NoSinkHarness(MetricsHarness):
    """The sink of those who want none."""

    keeps = False

    def make(self) -> MetricsSink:
        """Return it."""
        return NoMetricsSink()

    def value_of(self, sink: MetricsSink, name: str, tags: Mapping[str, str]) -> float | None:
        """Return nothing: nothing is kept."""
        return None


memory = MemorySinkHarness
none = NoSinkHarness
