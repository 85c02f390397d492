"""Keep measurements for Prometheus to fetch; answer in its text exposition, serve nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_PREFIX: Final = "meva_"
# From a tenth of a millisecond, the agent's own work, to ten seconds, a venue in trouble.
_BUCKETS_MS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000)
# Symbols, codes and statuses are few; more values than this are a mistake that would eat the server's memory.
_SERIES_MAX: Final = 1_000

# What every version of Prometheus takes in names (its data model, "Metric names and labels").
_UNSAFE: Final = re.compile(r"[^a-zA-Z0-9_]+")

_Metric = Counter | Gauge | Histogram


class PrometheusMetricsSink:
    """Hold every metric under `meva_<name>`; counters end in `_total`, timings are histograms in milliseconds.

    A name keeps the kind and the tags of its first measurement; what contradicts them is dropped and counted.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._registry = CollectorRegistry()
        self._metrics: dict[str, tuple[tuple[str, ...], _Metric]] = {}
        self._series: set[tuple[str, ...]] = set()

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        """Add *value* to the counter *name*."""
        metric = self._metric(Counter, name, value, tags or {})
        if isinstance(metric, Counter) and value >= 0:
            metric.inc(value)

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Set the gauge *name*; what is no finite number is dropped and counted."""
        metric = self._metric(Gauge, name, value, tags or {})
        if isinstance(metric, Gauge):
            metric.set(value)

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Record a duration; what is no finite number is dropped and counted."""
        metric = self._metric(Histogram, name, value, tags or {})
        if isinstance(metric, Histogram):
            metric.observe(value)

    def exposition(self) -> bytes:
        """Return everything in the Prometheus text format, version 0.0.4."""
        return generate_latest(self._registry)

    def _metric(
        self, kind: type[_Metric], name: str, value: float, tags: Mapping[str, str]
    ) -> _Metric | None:
        if not math.isfinite(value):
            self.dropped += 1
            return None
        name, tags = _safe(name), {_safe(tag): _text(text) for tag, text in tags.items()}
        labels = tuple(sorted(tags))
        known = self._metrics.get(name)
        if known is None:
            known = self._metrics[name] = (labels, self._made(kind, name, labels))
        series = (name, *(tags[label] for label in labels))
        is_new = series not in self._series
        fits = known[0] == labels and isinstance(known[1], kind)
        if not fits or (is_new and len(self._series) >= _SERIES_MAX):
            self.dropped += 1
            return None
        self._series.add(series)
        return known[1].labels(*series[1:]) if labels else known[1]

    def _made(self, kind: type[_Metric], name: str, labels: tuple[str, ...]) -> _Metric:
        if kind is Histogram:
            return Histogram(_PREFIX + name, name, labels, registry=self._registry, buckets=_BUCKETS_MS)
        return kind(_PREFIX + name, name, labels, registry=self._registry)


def _safe(name: str) -> str:
    """Return *name* in characters that a name may have; one that begins with a digit or `__` gets a letter."""
    cleaned = _UNSAFE.sub("_", name) or "none"
    return f"x{cleaned}" if cleaned[0].isdigit() or cleaned.startswith("__") else cleaned


def _text(value: str) -> str:
    """Return *value* as text that can be sent: a lone surrogate becomes a question mark."""
    return value.encode("utf-8", "replace").decode()
