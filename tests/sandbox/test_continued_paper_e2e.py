"""A paper session goes on after its process has ended, however that ended: money, orders, numbers; and it verifies."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_core.events import AgentStarted, OrderFilled
from tests.sandbox.agent_process import EAGER, AgentProcess, run, started, wait_for
from tests.sandbox.real_venue import VARIABLES, real_venue

RESTING = (
    "--strategy", "tests.sandbox.strategies:Resting",
    "--set", "risk.max_open_orders=4",
    "--set", "execution.reconcile_interval_s=1",
)  # fmt: skip


# The venue beside the agent speaks as Binance does, or as Kraken; one asks less often, as its counter demands.
SPOKEN = pytest.mark.parametrize(
    "spoken",
    [(), ("--like", "kraken", "--set", "execution.reconcile_interval_s=5")],
    ids=["binance", "kraken"],
)


def trading(status: dict[str, Any]) -> bool:
    """Return whether books and venue agree and orders may leave."""
    return bool(status["gate"]["state"] == "OPEN")


def ledger(agent: AgentProcess) -> dict[str, Any]:
    """Return the proven ledger of the session."""
    done = run("ledger", str(agent.session), "--json")
    assert done.stdout, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@SPOKEN
def test_a_session_goes_on_after_a_stop(spoken: tuple[str, ...], tmp_path: Path) -> None:
    """The second process trades on with the first one's money; every decision and every posting is proven."""
    with started("paper", tmp_path, *EAGER, *spoken) as agent:
        first = wait_for(agent.controls(), lambda status: len(status["fills"]) >= 2)
        assert 130 == agent.end(signal.SIGINT), agent.errors
    before = ledger(agent)
    with started("paper", tmp_path, *EAGER, *spoken) as agent:
        client = agent.controls()
        second = wait_for(client, trading)
        wait_for(client, lambda status: status["fills"] != second["fills"])
        assert 0 == agent.end(signal.SIGTERM), agent.errors
    after = ledger(agent)

    assert second["events"] > first["events"]
    assert before["sound"]
    assert after["sound"]
    assert after["postings"][: len(before["postings"])] == before["postings"]
    assert len(after["postings"]) > len(before["postings"])
    assert agent.verified()


@SPOKEN
def test_a_session_goes_on_after_every_kill(spoken: tuple[str, ...], tmp_path: Path) -> None:
    """Whatever was under way when the process died is settled; no fill is numbered or counted twice."""
    for _ in range(3):
        with started("paper", tmp_path, *EAGER, *spoken) as agent:
            client = agent.controls()
            wait_for(client, trading)
            wait_for(client, lambda status: status["fills"])
            agent.end(signal.SIGKILL)
    with started("paper", tmp_path, *EAGER, *spoken) as agent:
        wait_for(agent.controls(), trading)
        assert 0 == agent.end(signal.SIGTERM), agent.errors
    assert "this run went on with a session" in " ".join(agent.output.split())

    with SessionTape(agent.session) as tape:
        events = [entry.event for entry in tape.entries()]
    fills = {event.fill for event in events if isinstance(event, OrderFilled)}  # Some are told twice.
    assert 4 == sum(isinstance(event, AgentStarted) for event in events)
    assert len(fills) == len({(fill.symbol, fill.trade_id) for fill in fills})
    assert ledger(agent)["sound"]
    assert agent.verified()


@SPOKEN
def test_resting_orders_rest_on(spoken: tuple[str, ...], tmp_path: Path) -> None:
    """The venue beside the agent ends with it, and goes on with it: the same orders, under the same names."""
    with started("paper", tmp_path, *RESTING, *spoken) as agent:
        accepted = ["accepted"] * 4
        status = wait_for(
            agent.controls(), lambda status: [order["status"] for order in status["orders"]] == accepted
        )
        time.sleep(
            1
        )  # An answer may be shown before it is on the disk; what is not there the next one need not know.
        agent.end(signal.SIGKILL)
    names = {order["client_order_id"] for order in status["orders"]}
    with started("paper", tmp_path, *RESTING, *spoken) as agent:
        status = wait_for(
            agent.controls(),
            lambda status: trading(status) and [order["status"] for order in status["orders"]] == accepted,
        )
        assert 0 == agent.end(signal.SIGTERM), agent.errors

    assert names == {order["client_order_id"] for order in status["orders"]}
    assert ledger(agent)["sound"]
    assert agent.verified()


@pytest.mark.parametrize("runner", ["paper", "shadow"])
def test_what_fills_in_the_process_goes_on_too(runner: str, tmp_path: Path) -> None:
    """Beside a real market the account is in the agent's process; the next one holds what the books say."""
    with real_venue("--balance", "USDT=100000") as venue:
        place = (
            ("--market-url", venue.url) if runner == "paper" else ("-c", venue.settings(tmp_path, "shadow"))
        )
        arguments = ("--env", "dev", *place, *EAGER)
        for _ in range(2):
            with started(runner, tmp_path, *arguments, **VARIABLES) as agent:
                client = agent.controls()
                wait_for(client, trading)
                wait_for(client, lambda status: status["fills"])
                agent.end(signal.SIGKILL)
        with started(runner, tmp_path, *arguments, **VARIABLES) as agent:
            status = wait_for(agent.controls(), trading)
            assert 0 == agent.end(signal.SIGTERM), agent.errors

    assert status["events"] > 0
    assert ledger(agent)["sound"]
    assert agent.verified()
