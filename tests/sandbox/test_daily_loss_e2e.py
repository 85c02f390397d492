"""A day that goes wrong, over real sockets: the market falls, and the daily-loss limit does what it says."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET, AccountSettings, VenueSettings
from meva_core.events import MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.market import Side
from tests.integration.alerts.test_alert_channels import receiving
from tests.sandbox.agent_process import started, wait_for
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue

BALANCES = {"USDT": Decimal(100_000), "BTC": Decimal(1)}
ONE_MARKET = "{symbol: BTC/USDT, tick_size: 0.01, lot_size: 0.00001, min_quantity: 0.00001, min_notional: 5}"
RESTING = (
    "--strategy", "tests.sandbox.resting:Resting",
    "--set", "risk.max_open_orders=5",
    "--set", "execution.reconcile_interval_s=1",
    "--set", f"exchange.instruments=[{ONE_MARKET}]",
)  # fmt: skip


class Market:
    """Print ten trades a second at a price that stands until `falls` is set, and then loses 400 in four seconds."""

    def __init__(self) -> None:
        self.falls = asyncio.Event()
        self._ticks = 6_000_000

    async def trades(self) -> AsyncIterator[MarketEvent]:
        """Yield trades, each with the quote that it met, for ever."""
        number = 0
        while True:
            await asyncio.sleep(0.1)
            number += 1
            if self.falls.is_set() and self._ticks > 5_960_000:
                self._ticks -= 1_000
            now_ns, bid = time.time_ns(), self._ticks
            yield QuoteReceived(now_ns, "BTC/USDT", bid, 1_000_000, bid + 1, 1_000_000, number)
            yield TradeReceived(now_ns, "BTC/USDT", bid, 1_000, Side.SELL, number)


async def test_a_loss_of_the_day_stops_trading_cancels_and_calls_a_person(tmp_path: Path) -> None:
    """With a coin held, a fall by 400 is beyond the 200 of a day: paused, nothing left open or sent, and told."""
    market = Market()
    account = AccountSettings(DEFAULT_KEY, DEFAULT_SECRET, BALANCES)
    async with (
        VenueServer(VenueSettings(accounts=(account,)), feed=market.trades()) as server,
        receiving() as receiver,
    ):
        venue = RealVenue(server.url)
        settings = venue.settings(tmp_path, "live")
        variables = VARIABLES | {"MEVA_TEST_ALERTS": receiver.address}
        arguments = ("--env", "dev", "-c", settings, *RESTING, "--arm", ARM)
        with started("live", tmp_path, *arguments, **variables) as agent:
            client = await asyncio.to_thread(agent.controls)
            await asyncio.to_thread(wait_for, client, lambda status: len(status["orders"]) >= 3)
            market.falls.set()
            paused = await asyncio.to_thread(wait_for, client, in_loss)
            await asyncio.to_thread(wait_for, client, lambda status: not status["orders"])
            sent = len(await venue.ask("/api/v3/allOrders", symbol="BTCUSDT"))
            await asyncio.sleep(2)
            after = len(await venue.ask("/api/v3/allOrders", symbol="BTCUSDT"))
            left = await venue.ask("/api/v3/openOrders")
            status = await asyncio.to_thread(agent.end, signal.SIGTERM)
        verified = await asyncio.to_thread(agent.verified)
    told = [body for body in receiver.bodies if body["code"] == "daily_loss"]

    assert "PAUSED" == paused["gate"]["state"]
    assert Decimal(paused["pnl"]["pnl_today"]) <= -200
    assert (sent, []) == (after, left)
    assert ["critical"] == [body["level"] for body in told]
    assert 5 == status, agent.errors
    assert verified


def in_loss(status: dict[str, Any]) -> bool:
    """Return whether the gate is closed because of the day's loss."""
    return "daily_loss" in {marker["code"] for marker in status["gate"]["markers"]}
