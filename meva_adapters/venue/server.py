"""Run the simulated venue as one aiohttp application on one port: start, feed, disturb, stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Final, Self

import orjson
from aiohttp import web
from attrs import evolve

from meva_adapters.venue.connection import Connection
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.face import BinanceFace, Face
from meva_adapters.venue.faults import CALL_FAULTS, USER_EVENT_FAULTS, Fault, FaultKind, fault_from
from meva_adapters.venue.generator import MarketGenerator
from meva_adapters.venue.market import TRADING
from meva_adapters.venue.settings import VenueSettings
from meva_adapters.venue.ws_api import PATH as WS_API_PATH
from meva_core.errors import ConfigError
from meva_core.events import MarketEvent

_PAST_MINUTES: Final = 900
_MS: Final = 1000


class VenueServer:
    """Be a venue while started; *feed* replaces the generated markets.

    Used as `async with VenueServer(settings) as venue`, or by `start` and `stop`. Everything runs in the
    event loop that starts it.
    """

    def __init__(
        self, settings: VenueSettings | None = None, *, feed: AsyncIterator[MarketEvent] | None = None
    ) -> None:
        self.settings = settings or VenueSettings()
        self.exchange, self._face = self._made()
        self._feed = feed
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[Any]] = []
        self._port = 0

    def _made(self) -> tuple[Exchange, Face]:
        """Return the venue of the settings, and how clients see it; another protocol is another subclass."""
        exchange = Exchange(self.settings)
        return exchange, BinanceFace(exchange)

    @property
    def url(self) -> str:
        """Return where it listens, as in http://127.0.0.1:8080."""
        return f"http://{self.settings.host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Return the same address for WebSockets: append `/ws`, `/stream` or `/ws-api/v3`."""
        return f"ws://{self.settings.host}:{self._port}"

    @property
    def public_ws_url(self) -> str:
        """Return the address of the public streams, as an adapter's settings name it."""
        return self.ws_url

    @property
    def private_ws_url(self) -> str:
        """Return the address at which an account's own events are told."""
        return f"{self.ws_url}{WS_API_PATH}"

    async def start(self) -> None:
        """Listen and let the markets move; raise `OSError` where the port is taken."""
        app = web.Application()
        self._face.add_routes(app)
        app.router.add_get("/faults", self._list_faults)
        app.router.add_post("/faults", self._add_fault)
        app.router.add_delete("/faults", self._clear_faults)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.settings.host, self.settings.port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        moves = [self._follow(self._feed)] if self._feed is not None else self._generated()
        self._tasks = [asyncio.create_task(work) for work in (self._face.run(), *moves)]

    async def stop(self) -> None:
        """Stop listening and end every connection and task."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for connection in self._connections("all"):
            connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def wait(self, stopped: asyncio.Event) -> None:
        """Return when *stopped* is set; raise what ended a feed before, for a market that stands still looks alive."""
        asked = asyncio.create_task(stopped.wait())
        waiting: set[asyncio.Task[Any]] = {asked, *self._tasks}
        while not asked.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # A recording that has come to its end is no failure.

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.stop()

    def strike(self, fault: Fault) -> None:
        """Let *fault* wait for its call or event, or happen now; raise `ConfigError` where it cannot."""
        exchange = self.exchange
        if fault.kind in CALL_FAULTS or fault.kind in USER_EVENT_FAULTS:
            exchange.faults.add(evolve(fault))
            return
        match fault.kind:
            case FaultKind.CUT_STREAMS:
                for connection in self._connections(fault.scope):
                    connection.cut()
            case FaultKind.SILENT_STREAMS:
                until = asyncio.get_running_loop().time() + fault.milliseconds / _MS
                for connection in self._connections(fault.scope):
                    connection.silent_until = until
            case FaultKind.SHUTDOWN_EVENT:
                self._face.announce_shutdown()
            case FaultKind.FRAME:
                self.say(fault.message, fault.scope)
            case FaultKind.CLOCK_OFFSET:
                exchange.clock_offset_ms = fault.milliseconds
            case _:
                self._strike_market(fault)

    def _strike_market(self, fault: Fault) -> None:
        market = self.exchange.markets.get(fault.symbol)
        if market is None:
            known = ", ".join(self.exchange.markets)
            raise ConfigError((f"fault.symbol: got {fault.symbol!r}. Expected one of {known}.",))
        match fault.kind:
            case FaultKind.DROP_DEPTH:
                market.depth_to_drop = fault.times
            case FaultKind.CROSS_DEPTH:
                market.depth_to_cross = fault.times
            case FaultKind.HALT:
                market.status = fault.message or "HALT"
            case FaultKind.FILTERS:
                changed: dict[str, Any] = {name: Decimal(value) for name, value in fault.filters.items()}
                market.rules = evolve(market.rules, **changed)
            case _:
                raise AssertionError(fault.kind)

    def reset(self) -> None:
        """End every fault that waits or lasts."""
        self.exchange.faults.clear()
        self.exchange.clock_offset_ms = 0
        for market in self.exchange.markets.values():
            market.status = TRADING
            market.rules = evolve(market.listed_rules)
            market.depth_to_drop = market.depth_to_cross = 0

    def say(self, text: str, scope: str = "all") -> None:
        """Send *text* to every WebSocket connection of *scope*, so that tests can say what no venue would."""
        for connection in self._connections(scope):
            connection.send_bytes(text.encode())

    def _connections(self, scope: str) -> list[Connection]:
        return [each for each in self._face.connections() if scope in ("all", each.scope)]

    def _generated(self) -> list[Any]:
        now_ms = self.exchange.now_ms()
        moves = []
        for listed in self.settings.markets:
            generator = MarketGenerator(
                listed.instrument, listed.start_price, self.settings.seed, first_id=listed.first_id
            )
            market = self.exchange.markets[listed.instrument.base + listed.instrument.quote]
            for bar in generator.past(now_ms, _PAST_MINUTES):
                for interval, series in market.series.items():
                    if interval != "1s":
                        series.merge(bar)
            for series in market.series.values():
                series.take_closed(now_ms)  # Nobody is told of what closed before the venue was there.
            for event in generator.opening():
                self.exchange.take(event)
            for event in generator.step():  # So that a last trade is known from the first moment.
                self.exchange.take(event)
            moves.append(self._generate(generator))
        return moves

    async def _generate(self, generator: MarketGenerator) -> None:
        while True:
            await asyncio.sleep(1 / self.settings.trades_per_second)
            for event in generator.step():
                self.exchange.take(event)

    async def _follow(self, feed: AsyncIterator[MarketEvent]) -> None:
        async for event in feed:
            self.exchange.take(event)

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return _json([fault.as_dict() for fault in self.exchange.faults.waiting])

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            fault = fault_from(orjson.loads(await request.read()))
            self.strike(fault)
        except (orjson.JSONDecodeError, ConfigError) as error:
            return _json({"error": str(error)}, status=400)
        return _json(fault.as_dict())

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self.reset()
        return _json([])


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
