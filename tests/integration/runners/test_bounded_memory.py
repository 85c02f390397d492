"""An agent that has traded twice as long holds no more in memory: what grows with age belongs into its session."""

from __future__ import annotations

import gc
from collections import deque
from decimal import Decimal
from heapq import heappop, heappush
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, cast
from weakref import ref

from attrs import frozen

from meva_adapters.clock.manual import ManualClock
from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.exchange.simulated.matching_exchange import MatchingExchange
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.settings import LoadedSettings
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import ObserveVenue, PlaceOrder, QueryOrder, RaiseAlert, SetTimer
from meva_core.events import AgentStarted, Event, StreamConnected, TimerFired, TradeReceived
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side
from meva_core.ports.controls import NO_VENUE
from meva_core.signals.strategies.parts import sell_all
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_venue
from meva_runners.observers import measured
from meva_runners.trading.agent_app import AgentApp
from meva_runners.trading.venue_link import VenueLink
from tests.replay.case import SYMBOLS, config

START_NS: Final = (
    4_000_000_000 * NS_PER_SECOND
)  # Beyond the machine's clock, so that all times are the test's own.
# By then everything is full that is kept of orders, trades, decisions, prices and durations.
ROUNDS: Final = 1_010
STEP_NS: Final = 5 * NS_PER_SECOND
COMMIT_ROUNDS: Final = 25
# A buffer is longer at one moment than at another; what grew by one object an order would grow by twenty times as much.
SLACK: Final = 2 * ROUNDS // 20


@frozen
class InAndOut:
    """Buy at one trade, sell at the next."""

    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal:
        return sell_all(ctx, "out") if ctx.stance > 0 else Signal(Side.BUY, Decimal("0.01"), "in")


class PaperAgent:
    """Drive the whole agent of paper trading on a market of the test's own, by a clock that it moves."""

    def __init__(self, folder: Path) -> None:
        settings = config(
            f"controls.folder={folder}", "observability.checkpoint_events=500", "risk.daily_loss_limit=10000"
        )
        self.orders = 0
        self.clock = ManualClock(START_NS)
        self.exchange = MatchingExchange(compose_venue(settings), self.clock)
        self.session = SqliteSession.create(folder / "session.db", HEADER, segment_events=256)
        self.sink = MemoryMetricsSink()
        nothing = cast("Any", None)
        self.app = AgentApp(
            LoadedSettings(settings, {}, "{}", ""),
            [ConfiguredStrategy("sma_cross", InAndOut())],
            self.session,
            VenueLink(
                name="made up",
                exchange=self.exchange,
                streams=(),
                books=nothing,
                reference=nothing,
                account=nothing,
                use=lambda: NO_VENUE,
            ),
            observers=(measured(self.sink),),
            sink=self.sink,
            on_alert=lambda _alert: None,
            on_beat=lambda _alerts, _now_ns: None,
            exposition=bytes,
        )
        self._timers: list[tuple[int, str]] = []

    async def start(self) -> None:
        """Be connected to everything."""
        now_ns = self.clock.now_ns()
        for event in (
            AgentStarted(now_ns),
            StreamConnected(now_ns, "user"),
            StreamConnected(now_ns, "market"),
        ):
            await self._handle(event)

    async def trade(self, rounds: int) -> None:
        """Let every market move so many times, and order at each move."""
        for number in range(rounds):
            self.clock.advance(STEP_NS)
            while self._timers and self._timers[0][0] <= self.clock.now_ns():
                await self._handle(TimerFired(*heappop(self._timers)))
            for symbol in SYMBOLS:
                await self._move(symbol, 300_000 + 37 * number % 5_003)
            self.app._beat(NS_PER_MS)
            self.app._desk.status()
            if number % COMMIT_ROUNDS == 0:
                self.app.driver._process.commit()

    async def _move(self, symbol: str, ticks: int) -> None:
        now_ns = self.clock.now_ns()
        trade = TradeReceived(now_ns, symbol, ticks, 1_000, Side.SELL, -1, now_ns - NS_PER_MS)
        for answer in self.exchange.on_market(trade):
            await self._handle(answer)
        await self._handle(trade)

    async def _handle(self, event: Event) -> None:
        waiting = deque([event])
        while waiting:
            process, event = self.app.driver._process, waiting.popleft()
            decided = process.decide(event)
            process.tell(event, decided)
            for command in (*decided.commands, *decided.orders):
                match command:
                    case PlaceOrder():
                        self.orders += 1
                        waiting.extend(await self.exchange.place(command))
                    case QueryOrder():
                        waiting.extend(await self.exchange.query(command))
                    case ObserveVenue():
                        waiting.extend(await self.exchange.observe(command))
                    case SetTimer(name, due_ns):
                        heappush(self._timers, (due_ns, name))
                    case RaiseAlert():
                        pass
                    case _:
                        raise AssertionError(command)


def held(*roots: object) -> dict[str, int]:
    """Return how many objects of each type can be reached from *roots*, without types, modules and weak references."""
    seen: set[int] = set()
    counts: dict[str, int] = {}
    waiting: list[Any] = list(roots)
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, type | ModuleType | ref):
            continue
        seen.add(id(item))
        counts[type(item).__name__] = counts.get(type(item).__name__, 0) + 1
        waiting += item.__closure__ or () if isinstance(item, FunctionType) else gc.get_referents(item)
    return counts


async def test_twice_as_many_orders_are_held_in_no_more_objects(tmp_path: Path) -> None:
    """The whole agent with its exchange, desk, figures and session, after all that it keeps is full."""
    agent = PaperAgent(tmp_path)
    await agent.start()
    await agent.trade(ROUNDS)
    once = held(agent.app, agent.exchange, agent.sink, agent.session)
    await agent.trade(ROUNDS)
    twice = held(agent.app, agent.exchange, agent.sink, agent.session)
    agent.session.close()

    more = {kind: count - once.get(kind, 0) for kind, count in twice.items() if count > once.get(kind, 0)}
    assert len(SYMBOLS) * 2 * ROUNDS == agent.orders
    assert sum(twice.values()) - sum(once.values()) < SLACK, more
