"""Run the market feed contract on the streams that ship: Binance's and Kraken's, against their servers."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import ClassVar, Final

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.feed_kit import Levels, MarketFeedHarness
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS
from meva_adapters.venue.market import Market
from meva_adapters.venue.server import VenueServer
from meva_core.events import BookChanged, MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.binance import calls_of
from meva_runners.harnesses.still_market import INSTRUMENTS, opening

_PATIENCE: Final = Patience(silence_s=1.5)
_LONG_MS: Final = 60_000
_PULSE_S: Final = 0.2
_ALL: Final = 1_000


class VenueFeedHarness(MarketFeedHarness):
    """Move one market of a simulated venue by hand; its deepest bid is said again and again, as news of no news."""

    traded: ClassVar[Instrument]

    def __init__(self) -> None:
        self.venue = self.new_venue()
        self.transport: HttpTransport | None = None
        self._pulse: asyncio.Task[None] | None = None

    @abstractmethod
    def new_venue(self) -> VenueServer:
        """Return the venue."""

    @abstractmethod
    async def connected(self, transport: HttpTransport) -> EventStream:
        """Return the stream, connected to the venue."""

    @property
    def market(self) -> Market:
        """Return the market at the venue."""
        return self.venue.exchange.markets[self.traded.base + self.traded.quote]

    async def start(self) -> EventStream:
        """Open the market and connect."""
        await self.venue.start()
        for event in opening(self.traded, 0):
            self.venue.exchange.take(event)
        self.transport = HttpTransport(timeout_s=1.0)
        self._pulse = asyncio.create_task(self._repeat())
        return await self.connected(self.transport)

    async def stop(self) -> None:
        """Stop everything."""
        if self._pulse is not None:
            self._pulse.cancel()
        if self.transport is not None:
            await self.transport.close()
        await self.venue.stop()

    def instrument(self) -> Instrument:
        """Return what is traded."""
        return self.traded

    def book(self) -> tuple[Levels, Levels]:
        """Return the venue's levels."""
        bids, asks = self.market.levels(_ALL)
        return dict(bids), dict(asks)

    def trade(self, price_ticks: int, lots: int, taker_side: Side) -> None:
        """Print a trade."""
        self.venue.exchange.take(TradeReceived(0, self.traded.symbol, price_ticks, lots, taker_side))

    def change_book(self, bids: Levels, asks: Levels) -> None:
        """Change levels, and the quote with them."""
        number = self.market.update_id + 1
        change = BookChanged(
            0, self.traded.symbol, False, number, number, tuple(bids.items()), tuple(asks.items())
        )
        self.venue.exchange.take(change)
        self._send_quote()

    def lose_book_change(self) -> None:
        """Lose the next change."""
        self._strike(Fault(kind=FaultKind.DROP_DEPTH, symbol=self.market.name))

    def cut(self) -> None:
        """Cut every connection."""
        self._strike(Fault(kind=FaultKind.CUT_STREAMS))

    def silence(self) -> None:
        """Silence every connection."""
        self._strike(Fault(kind=FaultKind.SILENT_STREAMS, milliseconds=_LONG_MS))

    def say(self, text: str) -> None:
        """Say it to every connection."""
        self.venue.say(text)

    async def go_down(self) -> None:
        """Stop the venue."""
        await self.venue.stop()

    def _strike(self, fault: Fault) -> None:
        self.venue.strike(fault)

    def _send_quote(self) -> None:
        best = self.market.best()
        quote = QuoteReceived(
            0,
            self.traded.symbol,
            best.bid_ticks,
            best.bid_lots,
            best.ask_ticks,
            best.ask_lots,
            best.update_id,
        )
        self.venue.exchange.take(quote)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(_PULSE_S)
            bids, _ = self.book()
            deepest = min(bids)
            self.change_book({deepest: bids[deepest]}, {})


class BinanceFeedHarness(VenueFeedHarness):
    """Binance's combined streams, with their snapshots over REST."""

    traded = INSTRUMENTS[0]

    def new_venue(self) -> VenueServer:
        """Return a Binance."""
        return VenueServer(feed=_nothing())

    async def connected(self, transport: HttpTransport) -> EventStream:
        """Return the stream of one market."""
        return BinanceMarketStream(
            calls_of(transport, self.venue.url),
            transport,
            stream_url=self.venue.ws_url,
            instruments=[self.traded],
            jitter=lambda: 0.0,
            patience=_PATIENCE,
        )


class KrakenFeedHarness(VenueFeedHarness):
    """Kraken's public channels, with checksums."""

    traded = KRAKEN_MARKETS[0].instrument

    def new_venue(self) -> VenueServer:
        """Return a Kraken."""
        return KrakenServer(feed=_nothing())

    async def connected(self, transport: HttpTransport) -> EventStream:
        """Return the stream of one market."""
        calls = KrakenCalls(transport, SystemClock(), rest_url=self.venue.url)
        pairs = await KrakenReference(calls).pairs([self.traded.symbol])
        assert isinstance(self.venue, KrakenServer), "it made this venue"
        return KrakenMarketStream(
            calls,
            transport,
            stream_url=self.venue.public_ws_url,
            pairs=pairs,
            jitter=lambda: 0.0,
            patience=_PATIENCE,
        )


async def _nothing() -> AsyncIterator[MarketEvent]:
    """Bring no market data: the harness moves the market itself."""
    none: tuple[MarketEvent, ...] = ()
    for event in none:
        yield event


binance = BinanceFeedHarness
kraken = KrakenFeedHarness
