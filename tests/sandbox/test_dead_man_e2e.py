"""Who falls silent at a venue with a dead-man switch leaves no order there; who speaks keeps them (fault F6)."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from meva_adapters.controls.client import ControlsClient
from tests.sandbox.agent_process import started, wait_for
from tests.sandbox.kraken_venue import KRAKEN_VARIABLES, KrakenVenue, kraken_venue
from tests.sandbox.real_venue import ARM

TIMEOUT_S = 6
RESTING = (
    "--env", "dev",
    "--strategy", "tests.sandbox.strategies:Resting",
    "--set", "risk.max_open_orders=4",
    "--set", "execution.reconcile_interval_s=20",
    "--set", f"exchange.dead_man_s={TIMEOUT_S}",
)  # fmt: skip
PERSONS_ORDER = {
    "pair": "XBTUSD",
    "type": "buy",
    "ordertype": "limit",
    "volume": "0.01",
    "price": "1000.0",
    "cl_ord_id": "a-person",
}


@pytest.fixture
def venue() -> Iterator[KrakenVenue]:
    """Return a venue of one test's own."""
    with kraken_venue("--balance", "USD=100000") as running:
        yield running


def arguments(venue: KrakenVenue, folder: Path) -> tuple[str, ...]:
    """Return the arguments of a live agent whose orders rest."""
    return ("-c", venue.settings(folder, "live"), *RESTING, "--arm", ARM)


def resting(client: ControlsClient) -> list[str]:
    """Return the names of the agent's orders, once four of them rest."""
    status = wait_for(client, _four_rest, within_s=60)
    return sorted(order["client_order_id"] for order in status["orders"])


def _four_rest(status: dict[str, Any]) -> bool:
    return [order["status"] for order in status["orders"]] == ["accepted"] * 4


def test_an_agent_that_lives_keeps_its_orders_and_one_that_was_killed_loses_them(
    venue: KrakenVenue, tmp_path: Path
) -> None:
    """For twice the time-out the refreshed orders rest; within the time-out after SIGKILL the venue cancels them."""
    with started("live", tmp_path, *arguments(venue, tmp_path), **KRAKEN_VARIABLES) as agent:
        client = agent.controls()
        before = resting(client)
        time.sleep(2 * TIMEOUT_S)
        after = resting(client)
        agent.process.kill()
        agent.process.wait()
        left = venue.open_orders()
        time.sleep(TIMEOUT_S)
        gone = venue.open_orders()

    assert before == after == left
    assert [] == gone
    assert agent.verified()


def test_a_stop_in_good_order_takes_the_switch_off(venue: KrakenVenue, tmp_path: Path) -> None:
    """What an operator leaves resting stays there, however long nobody speaks."""
    stays = ("--set", "runtime.cancel_on_stop=false")
    with started("live", tmp_path, *arguments(venue, tmp_path), *stays, **KRAKEN_VARIABLES) as agent:
        names = resting(agent.controls())
        status = agent.end(signal.SIGTERM)
    time.sleep(TIMEOUT_S + 1)

    assert 0 == status, agent.errors
    assert names == venue.open_orders()


def test_a_start_whose_port_is_taken_leaves_the_switch_off(venue: KrakenVenue, tmp_path: Path) -> None:
    """Status 4, and an order that a person places afterwards rests beyond the time-out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = ("--controls-port", str(taken.getsockname()[1]))
        with started("live", tmp_path, *arguments(venue, tmp_path), *port, **KRAKEN_VARIABLES) as agent:
            status = agent.end()
    asyncio.run(venue.ask("AddOrder", **PERSONS_ORDER))
    time.sleep(TIMEOUT_S + 1)

    assert 4 == status, agent.errors
    assert "cannot listen on port" in agent.errors
    assert f"dead-man switch after {TIMEOUT_S} s" in agent.errors
    assert [PERSONS_ORDER["cl_ord_id"]] == venue.open_orders()


async def strike(venue: KrakenVenue, **fault: Any) -> None:
    """Order a fault at the venue."""
    async with aiohttp.ClientSession() as http, http.post(f"{venue.url}/faults", json=fault) as answer:
        assert 200 == answer.status, await answer.text()


def test_orders_that_the_switch_has_cancelled_are_known_to_have_ended(
    venue: KrakenVenue, tmp_path: Path
) -> None:
    """The refreshes fail, it fires, and nobody tells: the comparison finds each order ended, and none unknown."""
    with started("live", tmp_path, *arguments(venue, tmp_path), **KRAKEN_VARIABLES) as agent:
        client = agent.controls()
        fired = resting(client)
        asyncio.run(strike(venue, kind="silent_streams", scope="user", milliseconds=60_000))
        asyncio.run(strike(venue, kind="status", call="CancelAllOrdersAfter", times=4, status=502))
        status = wait_for(
            client, lambda status: _four_rest(status) and not _any_of(fired, status), within_s=60
        )
        ended = agent.end(signal.SIGTERM)

    assert "OPEN" == status["gate"]["state"]
    assert 0 == ended, agent.errors
    assert [] == venue.open_orders()
    assert agent.verified()


def _any_of(names: list[str], status: dict[str, Any]) -> bool:
    return bool(set(names) & {order["client_order_id"] for order in status["orders"]})
