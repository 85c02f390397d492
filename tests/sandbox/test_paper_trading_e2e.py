"""Paper trading from end to end: real processes, real sockets on loopback, real files."""

from __future__ import annotations

import asyncio
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_core.events import KillRequested, PauseRequested, ResumeRequested
from tests.sandbox.agent_process import EAGER, ask, started, wait_for


def test_some_seconds_of_paper_trading_give_a_session_that_verifies(tmp_path: Path) -> None:
    """Orders are sent and filled, the result is one JSON object, and the session leads to the same decisions."""
    with started("paper", tmp_path, *EAGER, "--duration", "4s", "--json") as agent:
        status = agent.end()

        result = agent.result()
    assert 0 == status, agent.errors
    assert result["fills"] >= 1
    assert result["orders"] >= result["fills"]
    assert Decimal(result["fees"]) > 0
    assert result["decision_hash"] in agent.verified()


def test_an_operator_pauses_resumes_and_kills(tmp_path: Path) -> None:
    """Each wish takes effect at once, is journaled, and is part of the replay; a killed agent says so at its end."""
    with started("paper", tmp_path, *EAGER) as agent:
        client = agent.controls()
        wait_for(client, lambda status: status["fills"])
        paused = ask(client, "pause")
        resumed = ask(client, "resume")
        killed = asyncio.run(client.kill(reason="test"))
        after = asyncio.run(client.read("status"))
        wait_for(client, lambda status: not status["orders"])
        status = agent.end(signal.SIGTERM)
    assert ("PAUSED", "OPEN") == (paused["gate_after"], resumed["gate_after"])
    assert "the agent answered" in killed
    assert "KILLED" == after["gate"]["state"]
    figures = {figure["name"] for figure in after["health"]["figures"]}
    assert {"age of BTC/USDT data", "clock offset", "events waiting", "last commit took"} <= figures
    assert ["request weight a minute"] == [budget["name"] for budget in after["health"]["venue"]["budgets"]]
    assert after["health"]["venue"]["calls"]["calls"] > 0
    assert all(after["health"]["streams"].values())
    assert 5 == status, agent.errors
    assert agent.verified()
    with SessionTape(agent.session) as tape:
        wishes = (PauseRequested, ResumeRequested, KillRequested)
        journaled = [type(entry.event) for entry in tape.entries() if isinstance(entry.event, wishes)]
    assert list(wishes) == list(dict.fromkeys(journaled))


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_stops_it_in_good_order(number: signal.Signals, expected: int, tmp_path: Path) -> None:
    """Nothing of ours is left open, the result is shown, and the session verifies."""
    with started("paper", tmp_path, *EAGER, "--json") as agent:
        wait_for(agent.controls(), lambda status: status["fills"])
        status = agent.end(number)
    assert expected == status, agent.errors
    assert agent.result()["decision_hash"] in agent.verified()
