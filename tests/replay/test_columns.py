"""A replay by columns ends in the very state, decides the very words and says the very things of one event by event."""

from __future__ import annotations

import sys
from collections import Counter

import attrs
import pytest

from tests.replay.columns_case import ended, random_case


def compare(seeds: range, *, rows: int) -> Counter[str]:
    """Run every seed both ways; return what happened in all of them."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        case = random_case(seed, rows=rows)
        singly, by_columns = ended(case, columns_from=None), ended(case, columns_from=case.columns_from)
        for field in attrs.fields(type(singly)):
            if field.name != "passed_over":
                one, other = getattr(singly, field.name), getattr(by_columns, field.name)
                assert one == other, f"seed {seed}: {field.name} differs"
        counts["events"] += singly.events
        counts["passed over"] += by_columns.passed_over
        counts["stopped by its strategy"] += bool(singly.error)
        for outcome in singly.outcomes:
            counts.update(type(record).__name__ for record in outcome.records)
    return counts


def test_both_ways_end_alike() -> None:
    """Whole checkpoints, bands and everything said are equal, with faults, halts, pauses, stops and strangers' code."""
    counts = compare(range(60), rows=400)

    assert counts["passed over"] > 0.2 * counts["events"]
    for happened in (
        "FillBooked",
        "GateChanged",
        "DataRejected",
        "DayClosed",
        "RiskDecided",
        "ControlAnswered",
        "stopped by its strategy",
    ):
        assert counts[happened] > 0, happened


def test_a_guard_that_columns_cannot_ask_is_asked_at_a_row_that_another_wants() -> None:
    """The first row of a run wakes one by columns; the next, whose guard answers no column, is not left out."""
    counts = compare(range(1_421, 1_422), rows=1_500)

    assert counts["SignalDecided"] > 0


def test_without_numpy_every_event_is_handled_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accelerator is optional, and its absence changes nothing but the time."""
    case = random_case(3, rows=400)
    with_numpy = ended(case, columns_from=1)
    monkeypatch.setitem(sys.modules, "meva_core.agent.market_columns", None)
    without = ended(case, columns_from=1)

    assert with_numpy.passed_over > without.passed_over == 0
    assert attrs.evolve(with_numpy, passed_over=0) == without


@pytest.mark.prove
def test_both_ways_end_alike_for_long() -> None:
    """The same for many tapes, and longer ones."""
    counts = compare(range(1_000, 3_000), rows=1_500) + compare(range(5_000, 5_100), rows=20_000)

    print(dict(counts))
    assert counts["passed over"] > 0.2 * counts["events"]
