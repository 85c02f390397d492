"""Say what every metrics sink promises, as cases to subclass; test no sink by itself.

| case | promise |
|---|---|
| ME-01 | a counter adds up, by one unless told otherwise |
| ME-02 | a gauge replaces what it was |
| ME-03 | a gauge may fall below zero and rise again |
| ME-04 | a timing is recorded in milliseconds |
| ME-05 | other tags make another series |
| ME-06 | the order of tags does not matter |
| ME-07 | no name and no tag makes it raise |
| ME-08 | what is no finite number is not recorded, and does not raise |
| ME-09 | tags are neither changed nor kept: the caller may reuse them |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import pytest

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


class MetricsContract:
    """Subclass it, give a fixture *sink* and *value_of*, and pytest runs every case.

    *keeps* is false for a sink that by intent keeps nothing; then every value must be absent.
    """

    keeps: ClassVar[bool] = True

    @pytest.fixture
    def sink(self) -> MetricsSink:
        """Return a new sink."""
        raise pytest.UsageError("give a fixture named sink")

    def value_of(self, sink: MetricsSink, name: str, tags: Mapping[str, str]) -> float | None:
        """Return the sum of a counter, the level of a gauge, or the last duration of a timing."""
        raise pytest.UsageError("say how to read the sink: override value_of")

    def verify(
        self, sink: MetricsSink, expected: float | None, name: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Check one series, or that nothing is kept."""
        assert (expected if self.keeps else None) == self.value_of(sink, name, tags or {})

    def test_me_01_counter_adds_up(self, sink: MetricsSink) -> None:
        """ME-01: one, and four more, are five."""
        sink.incr("orders")
        sink.incr("orders", 4)

        self.verify(sink, 5, "orders")

    def test_me_02_gauge_replaces(self, sink: MetricsSink) -> None:
        """ME-02: of two levels the later one holds."""
        sink.gauge("level", 7.5)
        sink.gauge("level", 2.25)

        self.verify(sink, 2.25, "level")

    @pytest.mark.parametrize("levels", [(-5.5,), (3.0, -5.5), (-5.5, -5.5)])
    def test_me_03_gauge_below_zero(self, sink: MetricsSink, levels: tuple[float, ...]) -> None:
        """ME-03: a loss is a level like any other, not a difference."""
        for level in levels:
            sink.gauge("pnl", level)

        self.verify(sink, -5.5, "pnl")

    def test_me_04_timing_in_milliseconds(self, sink: MetricsSink) -> None:
        """ME-04: a duration arrives as it was given."""
        sink.timing_ms("tick", 0.125)

        self.verify(sink, 0.125, "tick")

    def test_me_05_tags_make_series(self, sink: MetricsSink) -> None:
        """ME-05: what differs in a tag is counted apart."""
        sink.incr("rejects", 1, {"code": "a"})
        sink.incr("rejects", 2, {"code": "b"})

        self.verify(sink, 1, "rejects", {"code": "a"})
        self.verify(sink, 2, "rejects", {"code": "b"})

    def test_me_06_order_of_tags(self, sink: MetricsSink) -> None:
        """ME-06: the same tags in another order are the same series."""
        sink.incr("orders", 1, {"a": "x", "b": "y"})
        sink.incr("orders", 1, {"b": "y", "a": "x"})

        self.verify(sink, 2, "orders", {"a": "x", "b": "y"})

    @pytest.mark.parametrize("text", _HOSTILE, ids=[ascii(text)[:20] for text in _HOSTILE])
    def test_me_07_never_raises(self, sink: MetricsSink, text: str) -> None:
        """ME-07: a symbol or reason from outside cannot break a decision, or the series beside it."""
        sink.incr(text, 1, {text: text})
        sink.gauge(text, 1.0, {"code": text})
        sink.timing_ms("tick", 1.0, {text: "a"})
        sink.incr("orders")

        self.verify(sink, 1, "orders")

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_me_08_no_finite_number(self, sink: MetricsSink, value: float) -> None:
        """ME-08: the level before stays."""
        sink.gauge("level", 1.5)
        sink.gauge("level", value)
        sink.timing_ms("tick", value)

        self.verify(sink, 1.5, "level")
        self.verify(sink, None, "tick")

    def test_me_09_tags_stay_the_callers(self, sink: MetricsSink) -> None:
        """ME-09: reusing one dict for the next call does not rewrite what was counted."""
        tags = {"code": "a"}
        sink.incr("rejects", 1, tags)
        tags["code"] = "b"
        sink.incr("rejects", 2, tags)

        self.verify(sink, 1, "rejects", {"code": "a"})
        assert tags == {"code": "b"}
