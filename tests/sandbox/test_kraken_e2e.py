"""Kraken from end to end, each mode in a process of its own, against a venue that speaks as Kraken does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_core.commands import PlaceOrder
from tests.sandbox.agent_process import EAGER, AgentProcess, started, wait_for
from tests.sandbox.kraken_venue import KRAKEN_VARIABLES, KrakenVenue, kraken_venue
from tests.sandbox.real_venue import ARM

# The venue lets an account ask less often than the other one does.
SELDOM = ("--set", "execution.reconcile_interval_s=5")


@pytest.fixture
def venue() -> Iterator[KrakenVenue]:
    """Return a venue of one test's own."""
    with kraken_venue("--balance", "USD=100000") as running:
        yield running


def sent(agent: AgentProcess) -> set[str]:
    """Return the client order ids of every order that the journal of *agent* holds."""
    with SessionTape(agent.session) as tape:
        return {
            command.request.client_order_id
            for entry in tape.entries()
            for command in entry.commands
            if isinstance(command, PlaceOrder)
        }


def orders_at(venue: KrakenVenue) -> set[str]:
    """Return the names of all orders that the venue has ever taken."""
    closed = asyncio.run(venue.ask("ClosedOrders"))["closed"].values()
    return {order["cl_ord_id"] for order in closed} | set(venue.open_orders())


def test_live_places_fills_stops_and_verifies(venue: KrakenVenue, tmp_path: Path) -> None:
    """Armed and confirmed it trades; at its end nothing rests, and its journal knows exactly the venue's orders."""
    arguments = ("--env", "dev", "-c", venue.settings(tmp_path, "live"), *EAGER, *SELDOM, "--arm", ARM)
    with started("live", tmp_path, *arguments, "--json", **KRAKEN_VARIABLES) as agent:
        wait_for(agent.controls(), lambda status: len(status["fills"]) >= 2, within_s=60)
        status = agent.end(signal.SIGTERM)
        result = agent.result()
    there = orders_at(venue)

    assert 0 == status, agent.errors
    assert "dead-man switch off: orders rest at the venue" in agent.errors
    assert Decimal(result["fees"]) > 0
    assert result["decision_hash"] in agent.verified()
    assert sent(agent) == there
    assert [] == venue.open_orders()


def test_live_starts_for_the_confirmed_account_alone(venue: KrakenVenue, tmp_path: Path) -> None:
    """Another account than that of the key ends it before anything is stored or sent; the right name is told."""
    settings = venue.settings(tmp_path, "live", account_id="kraken-00000000")
    with started("live", tmp_path, "-c", settings, *EAGER, "--arm", ARM, **KRAKEN_VARIABLES) as agent:
        status = agent.end()

    assert 4 == status, agent.errors
    assert "CFG-145 exchange.account_id: found 'kraken-00000000'; expected 'kraken-3d05c804'" in agent.errors
    assert not agent.session.exists()


def test_the_shadow_decides_and_sends_nothing(venue: KrakenVenue, tmp_path: Path) -> None:
    """It reads account and market, and tells what it would have sent; the venue has seen no order."""
    arguments = (
        "--env",
        "dev",
        "-c",
        venue.settings(tmp_path, "shadow"),
        *EAGER,
        "--duration",
        "5s",
        "--json",
    )
    with started("shadow", tmp_path, *arguments, **KRAKEN_VARIABLES) as agent:
        status = agent.end(within_s=60)
        result = agent.result()

    assert 0 == status, agent.errors
    assert result["fills"] >= 1
    assert result["orders"] == len(result["would_have_sent"])
    assert {} == result["account_changes"]
    assert set() == orders_at(venue)
    assert result["decision_hash"] in agent.verified()


def test_paper_follows_its_market_without_a_key(venue: KrakenVenue, tmp_path: Path) -> None:
    """With --like kraken public data is followed and orders fill in the process; the venue hears no private call."""
    settings = venue.settings(tmp_path, "paper")
    arguments = ("-c", settings, *EAGER, "--like", "kraken", "--market-url", venue.url)
    with started("paper", tmp_path, *arguments, "--duration", "5s", "--json", **KRAKEN_VARIABLES) as agent:
        status = agent.end(within_s=60)
        result = agent.result()

    assert 0 == status, agent.errors
    assert result["fills"] >= 1
    assert set() == orders_at(venue)
    assert result["decision_hash"] in agent.verified()


def test_paper_trades_at_an_embedded_venue_that_speaks_as_kraken_does(tmp_path: Path) -> None:
    """With --like kraken alone orders cross real sockets in Kraken's language, from start to verified end."""
    with started(
        "paper", tmp_path, *EAGER, *SELDOM, "--like", "kraken", "--duration", "6s", "--json"
    ) as agent:
        status = agent.end(within_s=60)
        result = agent.result()

    assert 0 == status, agent.errors
    assert result["fills"] >= 1
    assert result["decision_hash"] in agent.verified()
