"""A disk that hangs instead of failing: trading waits, cancels and kills do not, and no stop waits for ever."""

from __future__ import annotations

import asyncio
import time

import pytest

from meva_core.commands import AlertLevel
from meva_core.errors import StorageError
from meva_core.events import JournalCaughtUp, JournalStalled, KillRequested, OrderDropped
from meva_core.model.state import Gate
from tests.integration.runners.live_driver_case import Case, running, until

# A tenth of the usual patience; the limits are the smallest that settings take.
PATIENCE_MS = 200
LIMIT_S = 1


def stalled(case: Case) -> bool:
    """Return whether trading waits for the disk."""
    return "journal_stalled" in case.agent.state().runtime_flags.markers


async def test_trading_waits_while_a_commit_hangs_and_goes_on_by_itself() -> None:
    """The gate closes, people are told once, and when all is durable trading goes on; what waited is dropped."""
    async with running(commit_patience_ms=PATIENCE_MS) as (case, _):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: stalled(case))
        refused = case.agent.state().runtime_flags.gate
        alerts = [alert for alert in case.alerts if alert.code == "journal_stalled"]
        case.session.disk.set()
        await until(lambda: not stalled(case))
        dropped, sent = case.count(OrderDropped), list(case.exchange.sent)
        case.market.trade()
        await until(lambda: case.exchange.sent)

        assert Gate.PAUSED is refused
        assert [AlertLevel.HIGH] == [alert.level for alert in alerts]
        assert (1, []) == (dropped, sent)
        assert ["place"] == case.exchange.sent
        events = [type(entry.event) for entry in case.session.entries()]
        assert events.index(JournalStalled) < events.index(JournalCaughtUp)


async def test_a_kill_leaves_while_the_disk_hangs() -> None:
    """Its cancels wait for nothing; the answer that would have to be durable does."""
    async with running(commit_patience_ms=PATIENCE_MS) as (case, _):
        case.session.disk.clear()
        case.market.trade()
        await until(lambda: stalled(case))
        durable = case.driver.ask(KillRequested(case.clock.now_ns(), "k", "ann", "enough"))
        await until(lambda: case.exchange.sent)

        assert ["cancel_all"] == case.exchange.sent
        assert Gate.KILLED is case.agent.state().runtime_flags.gate
        assert not durable.done()
        case.session.disk.set()
        await durable
        assert Gate.KILLED is case.agent.state().runtime_flags.gate


async def test_a_disk_that_never_answers_ends_the_agent_after_the_last_cancels() -> None:
    """At the limit it is lost: every order is cancelled, and the error says what hangs and since when."""
    async with running(commit_patience_ms=PATIENCE_MS, commit_limit_s=LIMIT_S, stop_grace_s=1) as (
        case,
        task,
    ):
        case.session.disk.clear()
        case.market.trade()
        began_s = time.monotonic()
        with pytest.raises(StorageError, match="a commit has not come to its end for 1 s"):
            await task

        assert ["cancel_all"] == case.exchange.sent
        assert LIMIT_S <= time.monotonic() - began_s < LIMIT_S + 2


@pytest.mark.parametrize("requests", [1, 2], ids=["asked once", "asked twice"])
async def test_a_stop_waits_for_a_hanging_disk_no_longer_than_its_grace(requests: int) -> None:
    """It ends with the error and the last cancels; asked twice, after the patience for one commit."""
    async with running(commit_patience_ms=PATIENCE_MS, stop_grace_s=1) as (case, task):
        case.market.trade()
        await until(lambda: case.exchange.sent)
        case.session.disk.clear()
        case.market.trade()
        began_s = time.monotonic()
        for _ in range(requests):
            case.driver.stop("the test")
            await asyncio.sleep(0)
        with pytest.raises(StorageError, match=r"the session.s disk: does not answer"):
            await task
        took_s = time.monotonic() - began_s

        assert "cancel_all" == case.exchange.sent[-1]
        assert took_s < (1 if requests == 2 else 3)


async def test_a_limit_below_the_patience_counts_as_the_patience() -> None:
    """The agent is told of the stall first, and ends right after it: the error names how long it waited."""
    patience_ms = 1_200
    async with running(commit_patience_ms=patience_ms, commit_limit_s=LIMIT_S, stop_grace_s=1) as (
        case,
        task,
    ):
        case.session.disk.clear()
        case.market.trade()
        with pytest.raises(StorageError, match=r"a commit has not come to its end for 1\.2 s"):
            await task

        assert 1 == case.count(JournalStalled)
        assert ["cancel_all"] == case.exchange.sent
