"""A full disk, a lost network, a closed terminal: what happens is defined, and the session verifies afterwards."""

from __future__ import annotations

import asyncio
import os
import pty
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.agent_process import run, started, wait_for
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue, real_venue

RESTING = (
    "--env", "dev",
    "--strategy", "tests.sandbox.strategies:Resting",
    "--set", "risk.max_open_orders=4",
    "--set", "runtime.stop_grace_s=3",
    "--set", "execution.reconcile_interval_s=1",
)  # fmt: skip


@pytest.fixture
def venue() -> Iterator[RealVenue]:
    """Return a venue of one test's own."""
    with real_venue("--balance", "USDT=100000") as running:
        yield running


def arguments(venue: RealVenue, folder: Path) -> tuple[str, ...]:
    """Return the arguments of a live agent whose orders rest."""
    return ("-c", venue.settings(folder, "live"), *RESTING, "--arm", ARM)


def open_orders(venue: RealVenue) -> list[str]:
    """Return the names of what rests at the venue."""
    return [order["clientOrderId"] for order in asyncio.run(venue.ask("/api/v3/openOrders"))]


def test_a_full_disk_ends_it_with_every_order_cancelled(venue: RealVenue, tmp_path: Path) -> None:
    """When the journal cannot grow any more the cancels still go out, the error says why, and nothing is damaged."""
    with started("live", tmp_path, *arguments(venue, tmp_path), **VARIABLES) as agent:
        client = agent.controls()
        wait_for(client, lambda status: [order["status"] for order in status["orders"]] == ["accepted"] * 4)
        rested = open_orders(venue)
        size = agent.session.with_name("session.db-wal").stat().st_size
        resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (size, size))
        status = agent.end()

    assert 4 == len(rested)
    assert 1 == status, agent.errors
    assert "session.db" in agent.errors
    assert "Traceback" not in agent.errors
    assert [] == open_orders(venue)
    assert agent.verified()


def test_without_a_network_it_waits_and_a_stop_names_what_is_unknown(tmp_path: Path) -> None:
    """A venue that is gone ends nothing; a stop then cannot confirm the cancels, and says which orders are open."""
    with real_venue("--balance", "USDT=100000") as venue:
        context = started("live", tmp_path, *arguments(venue, tmp_path), **VARIABLES)
        agent = context.__enter__()
        client = agent.controls()
        wait_for(client, lambda status: len(status["orders"]) == 4)
    try:
        status = wait_for(client, lambda status: not status["health"]["ready"])
        code = agent.end(signal.SIGTERM)
    finally:
        context.__exit__(None, None, None)

    assert 4 == len(status["orders"])
    assert 6 == code, agent.errors
    assert all(order["client_order_id"] in agent.errors for order in status["orders"])
    assert agent.verified()


def test_a_closed_terminal_stops_it_in_good_order(venue: RealVenue, tmp_path: Path) -> None:
    """When the terminal goes away nobody reads what it says, and its orders are cancelled all the same."""
    command = [sys.executable, "-m", "meva_runners.live", *arguments(venue, tmp_path), "--no-dashboard"]
    command += ["--session", str(tmp_path / "session.db"), "--set", f"controls.folder={tmp_path / 'control'}"]
    process, terminal = pty.fork()
    if process == 0:
        os.execve(command[0], command, os.environ | VARIABLES)
    try:
        end = time.monotonic() + 20
        while len(open_orders(venue)) < 4:
            assert time.monotonic() < end
            time.sleep(0.2)
    finally:
        os.close(terminal)
        _, status = os.waitpid(process, 0)

    assert 130 == os.waitstatus_to_exitcode(status)
    assert [] == open_orders(venue)
    assert 0 == run("replay", str(tmp_path / "session.db"), "--verify").returncode
