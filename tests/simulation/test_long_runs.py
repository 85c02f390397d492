"""A simulation of days keeps what recovery needs, and finds what a run that keeps everything finds."""

from __future__ import annotations

import pytest

from meva_adapters.contracts.storage_samples import HEADER, timer
from meva_adapters.storage.memory import MemorySession
from meva_core.errors import StorageError
from meva_core.model.market import NS_PER_SECOND
from meva_runners.simulation import world
from meva_runners.simulation.scenario import draw
from meva_runners.simulation.seed_run import Job, run_seed, strategies_of
from meva_runners.simulation.world import World

SEED = 15
MINUTES = 12
NS_PER_MINUTE = 60 * NS_PER_SECOND


def test_a_run_that_forgets_gives_the_same_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crashes and recoveries included: nothing that was forgotten is missed."""
    whole = run_seed(Job(SEED, MINUTES))
    monkeypatch.setattr(world, "_EVENTS_MAX", 2_500)
    monkeypatch.setattr(world, "_EVENTS_KEPT", 100)
    job = Job(SEED, MINUTES)
    configured, strategies = strategies_of(job)
    forgetful = World(draw(SEED, MINUTES, configured), strategies)
    forgetful.run()

    assert whole.trace == forgetful.trace
    assert () == whole.violations == tuple(forgetful.checker.violations)
    assert whole.crashes > 0
    assert forgetful._session.kept <= 2_500 < forgetful._session.last_sequence()


def test_a_long_run_goes_on_trading() -> None:
    """What gathers under pauses and lost answers is sold in parts, so the limit of an order stops no run."""
    job = Job(7, minutes=900)
    configured, strategies = strategies_of(job)
    run = World(draw(job.seed, job.minutes, configured), strategies)
    run._run_until(world.START_NS + 120 * NS_PER_MINUTE)  # Sold whole, its holdings stop it within the hour.

    placed = run.exchange.truth.placed
    assert placed[-1].placed_ns > world.START_NS + 110 * NS_PER_MINUTE
    assert [] == run.checker.violations


def test_what_the_newest_entries_need_stays() -> None:
    """The snapshot before them, and everything after it."""
    session = MemorySession(HEADER)
    for sequence in range(1, 101):
        session.append(timer(sequence))
        if sequence in (35, 60, 90):
            session.save(sequence, {"after": sequence})
    session.commit()
    whole = list(session.entries())
    session.keep_newest(30)

    assert 40 == session.kept
    assert whole[60:] == list(session.entries(60))
    assert (90, {"after": 90}) == session.load_latest()
    assert 100 == session.last_sequence() == session.reopened().last_sequence()
    with pytest.raises(StorageError, match="has retired the market events up to 60"):
        session.entries(59)
