"""Z7, K3: an agent whose process hangs is stopped from another one, and sends no order when it wakes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from meva_adapters.controls.client import LATCH_NAME
from tests.sandbox.agent_process import AgentProcess, started, wait_for
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue, real_venue

EAGER = (
    "--strategy", "tests.sandbox.resting:Resting",
    "--set", "risk.max_open_orders=5",
    "--set", "execution.reconcile_interval_s=1",
)  # fmt: skip


def orders(venue: RealVenue, path: str) -> int:
    """Return how many orders the venue shows on BTC/USDT and ETH/USDT at *path*."""
    symbols = ("BTCUSDT", "ETHUSDT")
    return sum(len(asyncio.run(venue.ask(path, symbol=symbol))) for symbol in symbols)


def killed(url: str, agent: AgentProcess, settings: str) -> tuple[float, str]:
    """Run the command as an operator does; return after how many seconds it was done, and what it said."""
    folder = f"controls.folder={agent.folder / 'control'}"
    command = [
        sys.executable,
        "-m",
        "meva_runners.controls",
        "kill",
        "--url",
        url,
        "--env",
        "dev",
        "-c",
        settings,
    ]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--set", folder], capture_output=True, text=True, check=False, env=os.environ | VARIABLES
    )
    return time.monotonic() - began, done.stdout + done.stderr


def started_in() -> float:
    """Return how long an interpreter now takes to start with what the command needs."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import meva_runners.commands.kill_app"], check=True)
    return time.monotonic() - began


def test_z7_k3_a_frozen_agent_loses_its_orders_within_a_second_and_sends_none_when_it_wakes(
    tmp_path: Path,
) -> None:
    """SIGSTOP freezes it with orders open; `meva controls kill` cancels them; SIGCONT brings no order and status 5."""
    with real_venue("--balance", "USDT=100000") as venue:
        settings = venue.settings(tmp_path, "live")
        arguments = ("--env", "dev", "-c", settings, *EAGER, "--arm", ARM)
        with started("live", tmp_path, *arguments, **VARIABLES) as agent:
            client = agent.controls()
            wait_for(client, lambda status: len(status["orders"]) >= 3)
            agent.process.send_signal(signal.SIGSTOP)
            before, known = orders(venue, "/api/v3/openOrders"), orders(venue, "/api/v3/allOrders")
            start_s = started_in()
            took_s, said = killed(client.url, agent, settings)
            after = orders(venue, "/api/v3/openOrders")
            agent.process.send_signal(signal.SIGCONT)
            wait_for(client, lambda status: status["gate"]["state"] == "KILLED")
            time.sleep(1)
            woken = orders(venue, "/api/v3/allOrders")
            status = agent.end(signal.SIGTERM)

    assert before >= 3
    assert 0 == after, said
    assert f"{before} orders cancelled, none is left" in said
    assert known == woken
    assert 5 == status, agent.errors
    assert (tmp_path / "control" / LATCH_NAME).exists()
    # The promise is a second; a crowded machine needs longer to start an interpreter, which is measured beside it.
    print(f"{took_s:.2f} s, of which {start_s:.2f} s to start; {said}")
    assert took_s <= 1.0 + start_s, said
