"""Run a driver in real time around a matching engine, a market that the test moves and a disk that it holds up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from threading import Event as Gate
from typing import Any

from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.exchange.simulated.matching_exchange import MatchedStream, MatchingExchange
from meva_adapters.storage.memory import MemorySession
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_core.agent.outbox import Outcome
from meva_core.commands import CancelAllOrders, CancelOrder, PlaceOrder, RaiseAlert
from meva_core.errors import NotSupported, StorageError
from meva_core.events import Event, OrderDropped, StreamConnected, TradeReceived
from meva_core.model.market import Side
from meva_core.ports.exchange import Capability, Clearance
from meva_core.ports.market_feed import Deliver
from meva_core.ports.storage import Session
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.trading.live_driver import LiveDriver
from tests.integration.test_kill_switch_flow import Always
from tests.replay.case import config

SYMBOL = "BTC/USDT"


class SetClock(SystemClock):
    """Be the machine's clock, set forwards or back by *shift_ns*."""

    shift_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.shift_ns


class HeldSession(MemorySession):
    """Commit when the disk is let go, or fail."""

    def __init__(self) -> None:
        super().__init__(HEADER)
        self.disk = Gate()
        self.disk.set()
        self.fails = False
        self.secured = self.commits = 0

    def commit(self) -> None:
        assert self.disk.wait(10), "a test lets its disk go"
        if self.fails:
            raise StorageError("memory", "no space left on device.", "Free some.")
        self.commits += 1
        super().commit()

    def securing(self) -> Callable[[], None]:
        self.secured += 1
        return super().securing()


class MarketByHand:
    """Be a stream that says what the test gives it."""

    name = "market"

    def __init__(self) -> None:
        self.starts = 0
        self.renewed: list[str] = []
        self._deliver: Deliver | None = None

    async def run(self, deliver: Deliver) -> None:
        self.starts += 1
        self._deliver = deliver
        deliver(StreamConnected(SystemClock().now_ns(), self.name))
        await asyncio.Event().wait()

    def renew_book(self, symbol: str) -> None:
        """Note that the book of *symbol* is asked for."""
        self.renewed.append(symbol)

    def trade(self, price_ticks: int = 3_000_000) -> None:
        """Print a trade."""
        assert self._deliver is not None
        event = TradeReceived(SystemClock().now_ns(), SYMBOL, price_ticks, 1_000, Side.SELL)
        self._deliver(event)


class WatchedExchange(MatchingExchange):
    """Note what reaches the venue."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: list[str] = []
        self.answers = True
        self.offers = True

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        if not self.answers:
            await asyncio.Event().wait()
        return await super().cancel(command)

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        if not self.offers:
            raise NotSupported(Capability.POST_ONLY, ())
        self.sent.append("place")
        return await super().place(command)

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        self.sent.append("cancel_all")
        return await super().cancel_all(command)


class PreparedExchange(WatchedExchange):
    """Prepare orders, as an adapter over a network does."""

    prepared = 0

    async def place_when(self, command: PlaceOrder, clearance: Clearance) -> Sequence[Event]:
        self.prepared += 1
        why = await clearance()
        if why:
            return [OrderDropped(SystemClock().now_ns(), command.request.client_order_id, why)]
        return await self.place(command)


class Case:
    """Hold a driver and all that it runs."""

    def __init__(
        self,
        *overrides: str,
        exchange: type[WatchedExchange] = WatchedExchange,
        session: Session | None = None,
        checkpoint_events: int = 10_000,
        **runtime: int,
    ) -> None:
        settings = config(*overrides)
        clock = self.clock = SetClock()
        engine = compose_venue(settings)
        strategy = ConfiguredStrategy("sma_cross", Always(Decimal(29900), Decimal("0.01")))
        self.agent = compose_agent(settings, [strategy])
        self.session = HeldSession()
        self.market = MarketByHand()
        self.exchange = exchange(engine, clock)
        self.outcomes: list[tuple[Event, Outcome]] = []
        self.alerts: list[RaiseAlert] = []
        self.transfers = MemoryTransferExecutor()
        self.ticks_ns: list[int] = []
        process = CommittingAgent(
            self.agent,
            session or self.session,
            instruments=instruments_of(settings),
            now_ns=clock.now_ns,
            checkpoint_events=checkpoint_events,
            observers=(lambda event, outcome: self.outcomes.append((event, outcome)),),
        )
        self.driver = LiveDriver(
            process,
            self.exchange,
            clock,
            evolve(settings.runtime, **runtime),
            books=self.market,
            transfers=self.transfers,
            on_alert=self.alerts.append,
            on_tick=self.ticks_ns.append,
        )
        self.streams = (MatchedStream(self.market, self.exchange, clock),)

    def count(self, kind: type) -> int:
        """Return how many events of *kind* were handled."""
        return sum(isinstance(event, kind) for event, _ in self.outcomes)


@asynccontextmanager
async def running(*overrides: str, **more: Any) -> AsyncIterator[tuple[Case, asyncio.Task[None]]]:
    """Run a driver until it trades, and stop it in the end; *more* are a case's arguments and settings of a runtime."""
    case = Case(*overrides, **more)
    task = asyncio.create_task(case.driver.run(case.streams))
    try:
        await until(lambda: not case.agent.state().runtime_flags.markers and case.market.starts)
        yield case, task
    finally:
        case.session.disk.set()
        case.driver.stop("the test is over")
        await asyncio.wait({task}, timeout=10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any, within_s: float = 5) -> None:
    """Return when *condition* holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is anything that a test can see.
            await asyncio.sleep(0.001)
