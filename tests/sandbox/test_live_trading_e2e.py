"""Live trading from end to end: armed or refused, stopped, killed at any moment, and continued."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_core.commands import PlaceOrder
from tests.sandbox.agent_process import EAGER, AgentProcess, started, wait_for
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue, real_venue


@pytest.fixture(scope="module")
def venue() -> Iterator[RealVenue]:
    """Return a venue that all tests of this file share, as real ones are shared."""
    with real_venue("--balance", "USDT=100000") as running:
        yield running


def live(settings: str, *arguments: str) -> tuple[str, ...]:
    """Return the arguments of an agent that trades eagerly on the venue's account."""
    return ("--env", "dev", "-c", settings, *EAGER, *arguments)


def sent(agent: AgentProcess) -> set[str]:
    """Return the client order ids of every order that the journal of *agent* holds."""
    with SessionTape(agent.session) as tape:
        return {
            command.request.client_order_id
            for entry in tape.entries()
            for command in entry.commands
            if isinstance(command, PlaceOrder)
        }


def test_an_agent_killed_in_the_middle_continues_where_its_journal_ends(
    venue: RealVenue, tmp_path: Path
) -> None:
    """After SIGKILL nothing is lost or placed twice: the venue knows exactly the orders that the journal does."""
    settings = venue.settings(tmp_path, "live")
    arguments = live(settings, "--arm", ARM)
    with started("live", tmp_path, *arguments, **VARIABLES) as agent:
        wait_for(agent.controls(), lambda status: status["fills"])
        agent.end(signal.SIGKILL)
    assert agent.verified()
    with started("live", tmp_path, *arguments, "--set", "runtime.stop_grace_s=2", **VARIABLES) as agent:
        shown = wait_for(agent.controls(), _is_settled)
        status = agent.end(signal.SIGTERM)

    unknown = [order["client_order_id"] for order in shown["orders"] if order["status"] == "unknown"]
    there = [
        order["clientOrderId"]
        for symbol in ("BTCUSDT", "ETHUSDT")
        for order in asyncio.run(venue.ask("/api/v3/allOrders", symbol=symbol))
    ]
    assert (6 if unknown else 0) == status, agent.errors
    assert agent.verified()
    assert [] == asyncio.run(venue.ask("/api/v3/openOrders"))
    assert len(there) == len(set(there))
    assert sent(agent) == set(there) | set(unknown)
    assert not set(there) & set(unknown)


def _is_settled(status: dict[str, Any]) -> bool:
    """Return whether the agent trades, or waits for nothing but the time fence of orders that never arrived."""
    unknown = [order for order in status["orders"] if order["status"] == "unknown"]
    compared = status["as_of_ns"] - min((order["created_ns"] for order in unknown), default=0) > 8 * 10**9
    return status["gate"]["state"] == "OPEN" or bool(unknown and compared)


def test_nothing_but_the_right_words_arms_it(venue: RealVenue, tmp_path: Path) -> None:
    """Another amount than the configured one does not start it, and no variable makes up for it."""
    settings = venue.settings(tmp_path, "live")
    variables = VARIABLES | {"MEVA_ARM": ARM}
    with started("live", tmp_path, *live(settings, "--arm", "LIVE main 1000 100"), **variables) as agent:
        status = agent.end()
    assert 3 == status
    assert 'expected --arm "LIVE main 1000 200"' in agent.errors
    assert not agent.session.exists()


def test_what_the_venue_does_not_confirm_does_not_start(venue: RealVenue, tmp_path: Path) -> None:
    """Another account than the configured one ends it before anything is stored or sent."""
    settings = venue.settings(tmp_path, "live", account_id='"4711"')
    with started("live", tmp_path, *live(settings, "--arm", ARM), **VARIABLES) as agent:
        status = agent.end()
    assert 4 == status
    assert "CFG-145 exchange.account_id: found '4711'; expected '1'" in agent.errors
    assert not agent.session.exists()


def test_a_second_agent_on_the_account_does_not_start(venue: RealVenue, tmp_path: Path) -> None:
    """Another session makes no other account: the second is told who holds it, and stores and sends nothing."""
    settings, shared = venue.settings(tmp_path, "live"), {"XDG_STATE_HOME": str(tmp_path / "state")}
    arguments, other = live(settings, "--arm", ARM), tmp_path / "other"
    with started("live", tmp_path, *arguments, **VARIABLES) as agent:
        agent.controls()
        with started("live", other, *arguments, **VARIABLES | shared) as second:
            status = second.end()
        agent.end(signal.SIGTERM)

    assert 4 == status
    assert f"is in use by agent meva (process {agent.process.pid})" in second.errors
    assert not second.session.exists()
