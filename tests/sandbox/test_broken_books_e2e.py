"""A venue whose book is crossed: a new one is fetched, nothing is ordered on it meanwhile, and nothing is flooded."""

from __future__ import annotations

import asyncio
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.transport.http import HttpTransport
from meva_core.commands import PlaceOrder, RenewBook
from meva_core.events import BookChanged
from tests.integration.alerts.test_alert_channels import receiving
from tests.sandbox.agent_process import EAGER, AgentProcess, started, wait_for
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue, real_venue
from tests.sandbox.test_alerts_e2e import heard

SYMBOL = "BTC/USDT"


async def strike(venue: RealVenue, **fault: Any) -> None:
    """Order a fault at *venue*."""
    async with (
        HttpTransport() as transport,
        transport.session.post(f"{venue.url}/faults", json=fault) as answer,
    ):
        assert 200 == answer.status, await answer.text()


def story(agent: AgentProcess) -> list[str]:
    """Return what the journal says of the market, in order: renewals, snapshots after the first, and orders."""
    told: list[str] = []
    with SessionTape(agent.session) as tape:
        for entry in tape.entries():
            event = entry.event
            if isinstance(event, BookChanged) and event.symbol == SYMBOL and event.snapshot:
                told.append("snapshot")
            for command in entry.commands:
                if isinstance(command, RenewBook):
                    told.append("renew")
                if isinstance(command, PlaceOrder) and command.request.symbol == SYMBOL:
                    told.append("order")
    return told


async def test_a_crossed_book_is_fetched_anew_and_trading_goes_on(tmp_path: Path) -> None:
    """One crossed change: the agent asks, a snapshot comes, orders follow it, and the session verifies."""
    with real_venue("--balance", "USDT=100000") as venue:
        settings = venue.settings(tmp_path, "live")
        arguments = ("--env", "dev", "-c", settings, *EAGER, "--arm", ARM)
        with started("live", tmp_path, *arguments, **VARIABLES) as agent:
            client = await asyncio.to_thread(agent.controls)
            await asyncio.to_thread(wait_for, client, lambda status: status["fills"])
            await strike(venue, kind="cross_depth", symbol="BTCUSDT")
            await asyncio.sleep(5)
            status = await asyncio.to_thread(agent.end, signal.SIGTERM)
    told = story(agent)
    asked = told.index("renew")

    assert 0 == status, agent.errors
    assert 1 == told.count("renew")
    assert "snapshot" == told[asked + 1]
    assert "order" in told[asked + 2 :]
    assert agent.verified()


async def test_a_venue_that_stays_crossed_calls_a_person_and_is_not_flooded(tmp_path: Path) -> None:
    """Every new book breaks: on none that is broken is ordered, few are fetched, and the third break is told."""
    with real_venue("--balance", "USDT=100000") as venue:
        settings = venue.settings(tmp_path, "live")
        arguments = ("--env", "dev", "-c", settings, *EAGER, "--arm", ARM)
        async with receiving() as receiver:
            hook = {"MEVA_TEST_ALERTS": receiver.address}
            with started("live", tmp_path, *arguments, **(VARIABLES | hook)) as agent:
                client = await asyncio.to_thread(agent.controls)
                await asyncio.to_thread(wait_for, client, lambda status: status["fills"])
                await strike(venue, kind="cross_depth", symbol="BTCUSDT", times=100_000)
                await heard(receiver, "broken_book", within_s=20)
                await asyncio.sleep(2)
                status = await asyncio.to_thread(agent.end, signal.SIGTERM)
        told = story(agent)
        [alert] = [body for body in receiver.bodies if body["code"] == "broken_book"]

    assert 0 == status, agent.errors
    assert ("high", SYMBOL) == (alert["level"], alert["subject"])
    assert 3 <= told.count("renew") <= 5
    assert {"snapshot"} == {after for before, after in pairwise(told) if before == "renew"}
    assert agent.verified()
