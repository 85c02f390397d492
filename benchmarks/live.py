"""Measure the driver of live trading against a venue in another process: orders, journal, kill.

    python -m benchmarks.live [--rounds 5] [--orders 400] [--kills 1000] [--folder DIR]

- From a frame received to the order's bytes on the socket, the durable commit in between, at 2,000 trades a second:
  inside by the agent's clock, outside from the venue's sending to the order's arrival there.
- Events journaled a second, everything durable.
- From a kill request to the first byte of the cancels, under the same load.

Beside each stands a bare `fdatasync` of the same minute on the same disk. Sessions are written to *folder*. On a
machine with other work to do, the tenth percentile tells more of the program than the median.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from asyncio.selector_events import _SelectorSocketTransport
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from attrs import frozen

from benchmarks.frames import BTC
from benchmarks.live_venue import MARK_EVERY, PER_SECOND
from meva_adapters.controls.access import Scope, open_tokens, read_token
from meva_adapters.controls.server import ControlsServer, ServerSettings
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.logs.structured import configure_logging
from meva_adapters.settings import load_settings
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.rate_budget import RateBudget
from meva_core.agent.operator_view import OperatorView
from meva_core.agent.outbox import Outcome
from meva_core.commands import ObserveVenue, PlaceOrder, RaiseAlert
from meva_core.config.schema import AppConfig, LogLevel
from meva_core.events import Event, KillReleaseRequested, StreamConnected, TradeReceived
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.model.market import Side
from meva_core.model.order import OrderType, TimeInForce
from meva_core.ports.market_feed import Deliver
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.composition import (
    ConfiguredStrategy,
    compose_agent,
    compose_metrics,
    exposed,
    instruments_of,
)
from meva_runners.observers import as_loud_as, logged, measured
from meva_runners.sessions.header import session_header
from meva_runners.trading.agent_desk import AgentDesk
from meva_runners.trading.live_driver import LiveDriver
from meva_runners.trading.look_back import LookBack

SYMBOL = "BTC/USDT"
_MS = 1_000_000
_MARK_TICKS = 6_183_700
_WARM_UP_ORDERS = 40
_NAME = re.compile(rb"^POST .*[?&]newClientOrderId=([^& ]+)")


class MonotonicClock:
    """Tell a time that starts at the machine's and then never jumps."""

    def __init__(self) -> None:
        self._base_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """Return nanoseconds since 1970."""
        return self._base_ns + time.monotonic_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of the machine's monotonic clock."""
        return time.monotonic_ns()


@frozen
class AtMarks:
    """Order at the marked price, immediate or cancel, and at no other."""

    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        """Need nothing."""
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        """Look at every price."""
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Buy at the mark."""
        if ctx.price_ticks != _MARK_TICKS:
            return None
        return Signal(
            Side.BUY,
            Decimal("0.001"),
            "mark",
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            limit_price=Decimal(61800),
        )


class QuietAccount:
    """Be the stream of an account to which nothing happens."""

    name = "user"

    async def run(self, deliver: Deliver) -> None:
        """Be connected."""
        deliver(StreamConnected(time.time_ns(), self.name))
        await asyncio.Event().wait()


class Flood:
    """Be a market that prints as fast as its agent takes it, *events* times, without a network."""

    name = "market"

    def __init__(self, events: int, waiting: Any) -> None:
        self._events = events
        self._waiting = waiting
        self.done = asyncio.Event()

    async def run(self, deliver: Deliver) -> None:
        """Print."""
        deliver(StreamConnected(time.time_ns(), self.name))
        for number in range(self._events):
            deliver(
                TradeReceived(
                    time.time_ns(), SYMBOL, 6_000_000 + number % 997, 1 + number % 89, Side.BUY, number
                )
            )
            if number % 64 == 0:
                await asyncio.sleep(0)
                while self._waiting() > 1_000:  # noqa: ASYNC110 - it makes room for the loop that it waits for.
                    await asyncio.sleep(0)
        self.done.set()
        await asyncio.Event().wait()


@contextmanager
def stamping(told: Callable[[bytes], None]) -> Iterator[None]:
    """Have *told* what has just been handed to a socket, whichever way it came there."""
    write = _SelectorSocketTransport.write

    def stamped(transport: _SelectorSocketTransport, data: bytes) -> None:
        write(transport, data)
        told(data)

    _SelectorSocketTransport.write = stamped
    try:
        yield
    finally:
        _SelectorSocketTransport.write = write


class Bench:
    """Compose the agent as the runners do, around stamps of what leaves."""

    def __init__(self, folder: Path, url: str) -> None:
        unlimited = [
            f"risk.{name}=1000000"
            for name in ("max_orders_per_window", "max_repeated_orders", "max_open_orders")
        ]
        fixed = ("mode=paper", "exchange.venue=binance", "execution.reconcile_interval_s=3600")
        self.settings = load_settings(
            "dev", environ={}, overrides=[*fixed, *unlimited, "strategies=[{name: sma_cross}]"]
        )
        self.url = url
        self.clock = MonotonicClock()
        self.session = SqliteSession.create(
            folder / f"{time.monotonic_ns()}.db", session_header(self.settings), segment_events=256
        )
        self.wire: list[tuple[str, int]] = []
        self.watcher: Callable[[Event, Outcome], None] | None = None
        self.exchange: BinanceExchange | None = None
        self._caused_ns: dict[str, int] = {}
        self.left_ns: dict[str, int] = {}
        self._log_file = folder / "agent.log"
        self._observers: tuple[Callable[[Outcome], None], ...] = ()

    @property
    def config(self) -> AppConfig:
        """Return the settings."""
        return self.settings.config

    @property
    def inside(self) -> list[int]:
        """Return how long each order took from its cause to the socket, in ns."""
        caused_ns = self._caused_ns
        return [left_ns - caused_ns[name] for name, left_ns in self.left_ns.items() if name in caused_ns]

    @asynccontextmanager
    async def running(self, market: Any = None) -> AsyncIterator[tuple[LiveDriver, CommittingAgent]]:
        """Run a driver until the block ends; without a *market* on the venue's."""
        config, clock = self.config, self.clock
        agent = compose_agent(config, [ConfiguredStrategy("sma_cross", AtMarks(), (SYMBOL,))])
        process = CommittingAgent(
            agent,
            self.session,
            instruments=instruments_of(config),
            now_ns=clock.now_ns,
            checkpoint_events=config.observability.checkpoint_events,
            observers=(self._observe,),
        )
        async with HttpTransport() as transport, self._observing():
            signer = HmacSigner("benchmark")
            calls = BinanceCalls(
                transport, clock, rest_url=self.url, api_key="benchmark", signer=signer, budget=_unbounded()
            )
            self.exchange = exchange = BinanceExchange(
                calls, symbols=[SYMBOL], owns=ClientOrderIds(config.agent, config.account).owns
            )
            at_venue = BinanceMarketStream(
                calls,
                transport,
                stream_url=self.url.replace("http", "ws"),
                instruments=[BTC],
                jitter=lambda: 0.0,
            )
            driver = LiveDriver(
                process,
                exchange,
                clock,
                config.runtime,
                books=at_venue,
                transfers=MemoryTransferExecutor(),
                on_alert=_nobody,
                on_tick=_untold,
            )
            driver.deliver(await calls.measure_clock())
            task = asyncio.create_task(driver.run((QuietAccount(), market or at_venue)))
            try:
                with stamping(self._wrote):
                    yield driver, process
            finally:
                driver.stop("the benchmark is over")
                await task
                self.session.close()

    @asynccontextmanager
    async def _observing(self) -> AsyncIterator[None]:
        """Log to a file and measure as the runners do, everything that they can be told to."""
        config = as_loud_as(self.config, "INFO", otherwise=LogLevel.INFO)
        with (
            self._log_file.open("w", encoding="utf-8") as file,
            configure_logging(config, file, secrets=()) as log,
        ):
            sink, close = compose_metrics(config)
            try:
                self._observers = (logged(log), measured(exposed(sink)[0]))
                yield
            finally:
                self._observers = ()
                close()

    def _observe(self, event: Event, outcome: Outcome) -> None:
        if self.watcher is not None:
            self.watcher(event, outcome)
        if outcome.records:
            for observe in self._observers:
                observe(outcome)
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._caused_ns[command.request.client_order_id] = event.time_ns

    def _wrote(self, data: bytes) -> None:
        """Stamp the moment at which a request has been handed to the socket."""
        method, _, path = bytes(data[:16]).partition(b" ")
        if path.startswith(b"/api/v3"):
            now_ns = self.clock.now_ns()
            self.wire.append((method.decode(), now_ns))
            if name := _NAME.search(data):
                self.left_ns[name[1].decode()] = now_ns


def _unbounded() -> RateBudget:
    """Return a budget of requests that a thousand kills do not use up: each compares with the venue."""
    return RateBudget(limit=10**9, reserve=1, window_ns=60 * 10**9)


def _nobody(alert: RaiseAlert) -> None:
    """Tell nobody."""


def _untold(duration_ns: int) -> None:
    """Measure no event by itself."""


async def orders(folder: Path, url: str, count: int) -> dict[str, list[int]]:
    """Return the latencies of *count* orders in ns, inside and outside."""
    bench = Bench(folder, url)
    async with ClientSession() as http:
        async with bench.running():
            await _until(
                lambda: len(bench.left_ns) >= _WARM_UP_ORDERS + count,
                30 + 2 * count * MARK_EVERY / PER_SECOND,
            )
        async with http.get(f"{url}/bench") as answer:
            outside = await answer.json()
    return {"inside": bench.inside[_WARM_UP_ORDERS:], "outside": outside[_WARM_UP_ORDERS:]}


async def journal(folder: Path, url: str, events: int) -> float:
    """Return how many events a second were handled and made durable."""
    bench = Bench(folder, url)
    driver: LiveDriver
    flood = Flood(events, lambda: driver.waiting)
    began = time.perf_counter()
    async with bench.running(flood) as (driver, _):
        began = time.perf_counter()
        await flood.done.wait()
    return events / (time.perf_counter() - began)


async def kills(folder: Path, url: str, count: int) -> list[int]:
    """Return, in ns, from *count* kill requests over HTTP to the first byte of their cancels on the socket."""
    bench = Bench(folder, url)
    found = []
    async with bench.running() as (driver, process), _controls(folder, bench, driver, process) as kill:
        flags = process.agent.state().runtime_flags
        await _until(lambda: not flags.markers, 10)
        for number in range(count):
            bench.wire.clear()
            asked_ns = bench.clock.now_ns()
            await kill(number)
            await _until(lambda: bench.wire, 5)
            found.append(bench.wire[0][1] - asked_ns)
            await _release(driver, process, bench)
    return found


@asynccontextmanager
async def _controls(
    folder: Path, bench: Bench, driver: LiveDriver, process: CommittingAgent
) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Serve the controls of the agent, and yield what asks them for a kill."""
    view = OperatorView(process.agent, name="bench", service="bench", account="main", symbols=(SYMBOL,))
    look_back = LookBack(bench.session, view)
    desk = AgentDesk(
        process.agent, view, look_back, bench.config, now_ns=bench.clock.now_ns, handle=driver.ask
    )
    bench.watcher = desk.observe
    tokens = folder / "control"
    server = ControlsServer(desk, open_tokens(tokens), ServerSettings())
    _, port = await server.start()
    headers = {"Authorization": f"Bearer {read_token(tokens, Scope.STOP)}"}
    try:
        async with ClientSession(headers=headers) as http:

            async def kill(number: int) -> None:
                message = {"request_id": f"kill-{number}", "actor": "bench", "reason": "measured"}
                async with http.post(f"http://127.0.0.1:{port}/v1/kill", json=message) as answer:
                    assert answer.status == 200, await answer.text()

            yield kill
    finally:
        await server.stop()


async def _release(driver: LiveDriver, process: CommittingAgent, bench: Bench) -> None:
    """Compare with the venue at once, where the agent would wait two seconds, and lift the kill."""
    flags = process.agent.state().runtime_flags
    assert bench.exchange is not None, "the agent runs"
    while flags.markers:
        for event in await bench.exchange.observe(ObserveVenue("the benchmark goes on")):
            driver.deliver(event)
        await asyncio.sleep(0.005)
        now_ns = bench.clock.now_ns()
        await driver.ask(KillReleaseRequested(now_ns, f"release-{now_ns}", "bench", flags.gate_epoch))


async def _until(condition: Any, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in callbacks of the agent.
            await asyncio.sleep(0.002)


def bare_sync(folder: Path, count: int = 1_000) -> list[int]:
    """Return how long appending 4 kB and `fdatasync` took, *count* times at 500 a second, in ns."""
    found = []
    path = folder / "bare"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            began_ns = time.monotonic_ns()
            os.write(descriptor, b"x" * 4_096)
            os.fdatasync(descriptor)
            found.append(time.monotonic_ns() - began_ns)
            time.sleep(0.002)
    finally:
        os.close(descriptor)
        path.unlink()
    return found


def shown(name: str, values: Sequence[int]) -> str:
    """Return the percentiles of *values* in ms as one line."""
    ordered = sorted(values)
    shares = ((100, "p10"), (500, "p50"), (990, "p99"), (999, "p99.9"))
    figures = ", ".join(
        f"{label} {ordered[min(len(ordered) - 1, len(ordered) * share // 1000)] / _MS:.3f}"
        for share, label in shares
    )
    return f"{name:<34} N {len(ordered):>6,}  {figures}, max {ordered[-1] / _MS:.3f} ms"


def main() -> None:
    """Print every figure, each with the bare sync of its minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--orders", type=int, default=400)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live_venue"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            for number in range(options.rounds):
                print(f"round {number + 1} at {PER_SECOND:,} trades/s")
                print(shown("  bare write and fdatasync", bare_sync(folder)))
                for where, values in asyncio.run(orders(folder, url, options.orders)).items():
                    print(shown(f"  frame to order bytes, {where}", values))
            print(shown("bare write and fdatasync", bare_sync(folder)))
            print(f"journal: {asyncio.run(journal(folder, url, options.events)):,.0f} events/s, all durable")
            print(shown("bare write and fdatasync", bare_sync(folder)))
            print(
                shown("kill request to cancels on the wire", asyncio.run(kills(folder, url, options.kills)))
            )
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    main()
