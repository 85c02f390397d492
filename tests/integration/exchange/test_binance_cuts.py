"""However often the connections are cut, a trading agent is back within two seconds and its books are the venue's."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.settings import load_settings
from meva_adapters.storage.memory import MemorySession
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.rate_budget import RateBudget
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET, AccountSettings, VenueSettings
from meva_core.agent.outbox import Outcome
from meva_core.events import Event, StreamConnected, StreamLost
from meva_core.model.market import Side
from meva_core.ops.log_records import FillBooked
from meva_core.signals.strategies.parts import sell_all
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.composition import ConfiguredStrategy, compose_agent, instruments_of
from meva_runners.trading.embedded_venue import account_at
from meva_runners.trading.live_driver import LiveDriver
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.trading.venue_link import trading_link
from meva_runners.venues.binance import BinanceVenue
from meva_runners.venues.venue import Right

BACK_S = 2.0
SETTLED_S = (
    90.0  # An order whose end is not known, because its answer was lost, is searched for up to a minute.
)
WIDE = (
    "strategies=[{name: sma_cross}]",
    "mode=paper",
    "exchange.venue=binance",
    "risk.max_orders_per_window=100000",
    "risk.max_repeated_orders=100000",
    "risk.daily_loss_limit=50000",
    "risk.max_drawdown_limit=50000",
)
STREAMS = ("market", "user")


class QuickClock(SystemClock):
    """Count a fiftieth of a second as a second where it is asked how long a connection lasted.

    Who loses a connection within five seconds waits longer each time, as the venue demands; a thousand cuts would
    take an hour and a half.
    """

    __slots__ = ()

    def monotonic_ns(self) -> int:
        """Return the quick time."""
        return time.monotonic_ns() * 50


class Flip:
    """Buy at the market when there is nothing, sell when there is something, at every second trade.

    A strategy that was refused is not heard again before it stopped asking, so it pauses in between.
    """

    timeframe: str | None = None

    def __init__(self) -> None:
        self.asked = 0

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        self.asked += 1
        return self.asked % 2 == 0

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        return sell_all(ctx, "flip") if ctx.stance > 0 else Signal(Side.BUY, Decimal("0.001"), "flip")


class Watch:
    """Follow the state of the streams, and what was booked."""

    def __init__(self) -> None:
        self.up: dict[str, bool] = dict.fromkeys(STREAMS, False)
        self.losses = 0
        self.alerts: list[object] = []
        self.ticks_ns: list[int] = []
        self.booked: list[int] = []
        self._news = asyncio.Event()

    def see(self, event: Event, outcome: Outcome) -> None:
        if isinstance(event, StreamConnected | StreamLost) and event.stream in self.up:
            self.up[event.stream] = isinstance(event, StreamConnected)
            self.losses += isinstance(event, StreamLost)
        self.booked += [int(each.fill.trade_id) for each in outcome.records if isinstance(each, FillBooked)]
        self._news.set()

    async def until(self, condition: Any, within_s: float) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._news.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), 0.05)


async def survived(cuts: int) -> list[float]:
    """Cut both connections of a trading agent *cuts* times; return how long each return took, in seconds."""
    config = load_settings("dev", overrides=WIDE, environ={}).config
    venue_settings = VenueSettings(
        accounts=(AccountSettings(DEFAULT_KEY, DEFAULT_SECRET, config.exchange.balances),),
        trades_per_second=20,
        order_limit_10s=100_000,
        weight_limit=10_000_000,
    )
    watch, chance, took = Watch(), random.Random(1), []
    async with VenueServer(venue_settings) as venue, HttpTransport() as transport:
        connected = BinanceVenue().connect(
            config,
            account_at(venue),
            Right.TRADE,
            transport=transport,
            clock=QuickClock(),
        )
        with connected as connection:
            link = await trading_link(connection, name="venue", anomalies=VenueAnomalies(SystemClock()))
        # A minute's requests are meant for a few cuts, and these come several a second.
        link.exchange._calls.budget = RateBudget(limit=10**9, reserve=0, window_ns=60 * 10**9)  # type: ignore[attr-defined]
        clock = SystemClock()
        agent = compose_agent(config, [ConfiguredStrategy("sma_cross", Flip(), ("BTC/USDT",))])
        process = CommittingAgent(
            agent,
            MemorySession(HEADER),
            instruments=instruments_of(config),
            now_ns=clock.now_ns,
            checkpoint_events=100_000,
            observers=(watch.see,),
        )
        driver = LiveDriver(
            process,
            link.exchange,
            clock,
            config.runtime,
            books=link.books,
            transfers=MemoryTransferExecutor(),
            on_alert=watch.alerts.append,
            on_tick=watch.ticks_ns.append,
        )
        driver.deliver(await link.reference.measure_clock())
        running = asyncio.create_task(driver.run(link.streams))
        account = venue.exchange.accounts[DEFAULT_KEY]
        for _ in range(cuts):
            await watch.until(lambda: all(watch.up.values()), 10)
            traded = len(account.trades)
            await watch.until(lambda traded=traded: len(account.trades) > traded, SETTLED_S)
            await asyncio.sleep(chance.random() * 0.15)
            losses, cut_s = watch.losses, time.monotonic()
            venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
            await watch.until(lambda losses=losses: watch.losses == losses + 2 and all(watch.up.values()), 10)
            took.append(time.monotonic() - cut_s)
        driver.stop("enough")
        await asyncio.wait_for(running, 10)
        state = agent.state()
        held = {
            asset: free + locked
            for asset, (free, locked) in account.engine.balances().items()
            if free + locked
        }
        ours = {asset: amount.total for asset, amount in state.balances.items() if amount.total}

    assert [trade.id for trade in account.trades] == sorted(watch.booked)
    assert held == ours
    assert len(account.trades) > cuts
    assert 2 * cuts == watch.losses
    return took


async def test_ten_cuts_cost_no_fill_and_two_seconds_at_most() -> None:
    """A sample of the thousand under `prove`."""
    assert max(await survived(10)) <= BACK_S


@pytest.mark.prove
async def test_a_thousand_cuts_cost_no_fill_and_two_seconds_at_most() -> None:
    """Every fill is booked once, the balances are the venue's to the last digit, and every return is quick."""
    took = await survived(1_000)

    print(f"1,000 cuts: back after {statistics.median(took):.3f} s (median), {max(took):.3f} s (longest)")
    assert max(took) <= BACK_S
