"""Say what every metrics sink promises, as cases; test no sink by itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

from meva_adapters.contracts.case import CaseList, Kit, expect_equal
from meva_adapters.contracts.harness import Bench, Harness, made
from meva_core.ports.metrics import MetricsSink

_HOSTILE: Final = (
    "",
    " ",
    "a:1|c",
    "line\nbreak",
    "sl/ash",
    "\x00",
    "emoji \N{ROCKET}",
    "\udc80",
    "{brace}",
    "%s",
    "n" * 5_000,
)
_NOT_FINITE: Final = (float("nan"), float("inf"), float("-inf"))
_COUNTS: Final = "Add *value* to the counter *name*."
_SETS: Final = "Set the gauge *name* to *value*."
_RECORDS: Final = "Record a duration of *value* milliseconds under *name*."
_NEVER_RAISES: Final = "Take measurements. Implementations never raise and never block a decision."


class MetricsHarness(Harness[MetricsSink]):
    """Make a sink, and say how to read it.

    *keeps* is false for a sink that by intent keeps nothing; then every value must be absent.
    """

    keeps: ClassVar[bool] = True

    @abstractmethod
    def value_of(self, sink: MetricsSink, name: str, tags: Mapping[str, str]) -> float | None:
        """Return the sum of a counter, the level of a gauge, or the last duration of a timing."""


MetricsBench = Bench[MetricsHarness, MetricsSink]
_METRICS: CaseList[MetricsBench] = CaseList()
case = _METRICS.case


@case("ME-01", "counter adds up", promise=_COUNTS)
async def counter(bench: MetricsBench) -> None:
    """Make five of one and four more; one is added where nothing is said."""
    bench.subject.incr("orders")
    bench.subject.incr("orders", 4)

    _verify(bench, 5, "orders")


@case("ME-02", "gauge replaces", promise=_SETS)
async def gauge(bench: MetricsBench) -> None:
    """Hold the later of two levels."""
    bench.subject.gauge("level", 7.5)
    bench.subject.gauge("level", 2.25)

    _verify(bench, 2.25, "level")


@case("ME-03", "gauge below zero", promise=_SETS)
async def below_zero(bench: MetricsBench) -> None:
    """Take a loss for a level like any other, not for a difference."""
    for number, levels in enumerate([(-5.5,), (3.0, -5.5), (-5.5, -5.5)]):
        for level in levels:
            bench.subject.gauge(f"pnl_{number}", level)

        _verify(bench, -5.5, f"pnl_{number}")


@case("ME-04", "timing in milliseconds", promise=_RECORDS)
async def timing(bench: MetricsBench) -> None:
    """Let a duration arrive as it was given."""
    bench.subject.timing_ms("tick", 0.125)

    _verify(bench, 0.125, "tick")


@case("ME-05", "other tags make another series", promise=_COUNTS)
async def series(bench: MetricsBench) -> None:
    """Count apart what differs in a tag."""
    bench.subject.incr("rejects", 1, {"code": "a"})
    bench.subject.incr("rejects", 2, {"code": "b"})

    _verify(bench, 1, "rejects", {"code": "a"})
    _verify(bench, 2, "rejects", {"code": "b"})


@case("ME-06", "order of tags", promise=_COUNTS)
async def order_of_tags(bench: MetricsBench) -> None:
    """Take the same tags in another order for the same series."""
    bench.subject.incr("orders", 1, {"a": "x", "b": "y"})
    bench.subject.incr("orders", 1, {"b": "y", "a": "x"})

    _verify(bench, 2, "orders", {"a": "x", "b": "y"})


@case("ME-07", "hostile names and tags", promise=_NEVER_RAISES)
async def hostile(bench: MetricsBench) -> None:
    """Let no symbol or reason from outside break a decision, or the series beside it."""
    for text in _HOSTILE:
        bench.subject.incr(text, 1, {text: text})
        bench.subject.gauge(text, 1.0, {"code": text})
        bench.subject.timing_ms("tick", 1.0, {text: "a"})
        bench.subject.incr("orders")

    _verify(bench, len(_HOSTILE), "orders")


@case("ME-08", "what is no finite number", promise=_NEVER_RAISES)
async def not_finite(bench: MetricsBench) -> None:
    """Record none of it; the level before stays."""
    bench.subject.gauge("level", 1.5)
    for value in _NOT_FINITE:
        bench.subject.gauge("level", value)
        bench.subject.timing_ms("tick", value)

    _verify(bench, 1.5, "level")
    _verify(bench, None, "tick")


@case("ME-09", "tags stay the caller's", promise=_COUNTS)
async def tags_stay(bench: MetricsBench) -> None:
    """Let a caller use one dictionary again without rewriting what was counted."""
    tags = {"code": "a"}
    bench.subject.incr("rejects", 1, tags)
    tags["code"] = "b"
    bench.subject.incr("rejects", 2, tags)

    _verify(bench, 1, "rejects", {"code": "a"})
    expect_equal({"code": "b"}, tags, "the caller's tags")


def _verify(
    bench: MetricsBench, expected: float | None, name: str, tags: Mapping[str, str] | None = None
) -> None:
    value = bench.harness.value_of(bench.subject, name, tags or {})
    expect_equal(expected if bench.harness.keeps else None, value, f"the value of {name}")


METRICS: Final[Kit[MetricsBench]] = Kit(port="metrics", cases=tuple(_METRICS.cases), opened=made)
