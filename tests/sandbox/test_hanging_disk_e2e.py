"""A disk that hangs under a real agent: no order leaves, people see it, and a stop comes to its end."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.agent_process import started, wait_for
from tests.sandbox.hanging_disk import HANG
from tests.sandbox.real_venue import VARIABLES, RealVenue, real_venue
from tests.sandbox.test_bad_days_e2e import arguments, open_orders

AGENT = "tests.sandbox.hanging_disk"
PATIENCE = ("--set", "runtime.commit_patience_ms=500")


@pytest.fixture
def venue() -> Iterator[RealVenue]:
    """Return a venue of one test's own."""
    with real_venue("--balance", "USDT=100000") as running:
        yield running


def test_trading_goes_on_when_the_disk_answers_again(venue: RealVenue, tmp_path: Path) -> None:
    """Meanwhile it is not ready, says why, and the orders that rest stay; everything verifies."""
    with started(AGENT, tmp_path, *arguments(venue, tmp_path), *PATIENCE, **VARIABLES) as agent:
        client = agent.controls()
        wait_for(client, lambda status: [order["status"] for order in status["orders"]] == ["accepted"] * 4)
        hang = tmp_path / HANG
        hang.touch()
        status = wait_for(client, lambda status: status["gate"]["state"] == "PAUSED")
        rested = open_orders(venue)
        hang.unlink()
        wait_for(client, lambda status: status["gate"]["state"] == "OPEN")
        code = agent.end(signal.SIGTERM)

    assert not status["health"]["ready"]
    assert any("journal_stalled" in problem for problem in status["health"]["problems"])
    assert 4 == len(rested)
    assert 0 == code, agent.errors
    assert agent.verified()


def test_a_stop_does_not_wait_for_ever(venue: RealVenue, tmp_path: Path) -> None:
    """The cancels leave, the error names the disk, and the process ends although its thread never does."""
    with started(AGENT, tmp_path, *arguments(venue, tmp_path), *PATIENCE, **VARIABLES) as agent:
        client = agent.controls()
        wait_for(client, lambda status: [order["status"] for order in status["orders"]] == ["accepted"] * 4)
        (tmp_path / HANG).touch()
        wait_for(client, lambda status: status["gate"]["state"] == "PAUSED")
        began_s = time.monotonic()
        code = agent.end(signal.SIGTERM, within_s=60)
        took_s = time.monotonic() - began_s
        (tmp_path / HANG).unlink()

    assert 1 == code, agent.errors
    assert "a commit has not come to its end" in agent.errors
    assert "Traceback" not in agent.errors
    assert [] == open_orders(venue)
    assert took_s < 30, "a grace of 3 s for the venue, one for the disk, and the release of the file"
    assert agent.verified()
