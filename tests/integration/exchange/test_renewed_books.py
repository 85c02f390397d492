"""A book that its keeper found impossible is fetched anew, by both venues' streams, and never in a flood."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise

import pytest
from aiohttp import web

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.renewals import Renewals
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.server import VenueServer
from meva_core.data.order_book import BookOutcome, OrderBook
from meva_core.events import BookChanged, Event, StreamGapDetected, StreamLost
from tests.integration.exchange.binance_case import calls_of as binance_calls
from tests.integration.exchange.binance_case import server
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.test_kraken_streams import ACCEPTED, SETTINGS, STATUS, market_stream
from tests.unit.exchange.test_binance_stream_damage import BTC


def keeping(heard: Heard, symbol: str) -> OrderBook:
    """Return the book that the core would hold after all that was heard."""
    book = OrderBook(symbol)
    for event in heard.events:
        if isinstance(event, StreamLost | StreamGapDetected):
            book.discard()
        if isinstance(event, BookChanged):
            book.apply(event)
    return book


async def test_a_crossed_book_of_binance_is_joined_to_a_new_snapshot() -> None:
    """The venue bids what it asks, without a gap in its numbers: the book breaks, and is whole when renewed."""
    async with VenueServer() as venue, HttpTransport() as transport:
        stream = BinanceMarketStream(
            binance_calls(transport, venue.url),
            transport,
            stream_url=venue.ws_url,
            instruments=[BTC],
            jitter=lambda: 0.0,
        )
        async with followed(stream) as heard:
            await heard.until(lambda: keeping(heard, BTC.symbol).synchronised)
            venue.strike(Fault(kind=FaultKind.CROSS_DEPTH, symbol="BTCUSDT"))
            await heard.until(lambda: not keeping(heard, BTC.symbol).synchronised)
            asked = len(heard.events)
            stream.renew_book(BTC.symbol)
            await heard.until(lambda: keeping(heard, BTC.symbol).synchronised)

    assert [True] == [e.snapshot for e in heard.events[asked:] if isinstance(e, BookChanged) and e.snapshot]
    assert 0 == heard.count(StreamGapDetected)


async def test_a_book_of_kraken_is_subscribed_to_anew() -> None:
    """The subscription ends and begins again, on the same connection, and a snapshot comes with it."""
    async with KrakenServer(SETTINGS) as venue, HttpTransport() as transport:
        stream = market_stream(transport, venue.public_ws_url)
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(BookChanged) > 5)
            stream.renew_book("BTC/USD")
            await heard.until(lambda: snapshots(heard.events) == 2)
            await heard.until(lambda: isinstance(heard.events[-1], BookChanged))

    assert keeping(heard, "BTC/USD").synchronised
    assert 0 == heard.count(StreamLost)


def snapshots(events: list[Event]) -> int:
    """Return how many whole books came."""
    return sum(isinstance(event, BookChanged) and event.snapshot for event in events)


async def test_a_venue_whose_book_is_crossed_is_not_flooded() -> None:
    """Who asks at every snapshot gets the second a second after the first, the third two seconds later."""
    asked_s: list[float] = []
    level = '{"price":60000.0,"qty":1.00000000}'
    whole = (
        f'{{"channel":"book","type":"snapshot","data":[{{"symbol":"BTC/USD","bids":[{level}],'
        f'"asks":[{level}]}}]}}'
    )

    async def crossed(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(STATUS)
        async for message in socket:
            wish = json.loads(message.data)
            await socket.send_str(ACCEPTED)
            if wish["method"] == "subscribe" and wish["params"]["channel"] == "book":
                asked_s.append(time.monotonic())
                await socket.send_str(whole)
        return socket

    book = OrderBook("BTC/USD")
    outcomes: list[BookOutcome] = []
    async with server(crossed) as url, HttpTransport() as transport:
        stream = market_stream(transport, url)

        def keep(event: Event) -> None:
            if isinstance(event, BookChanged):
                outcomes.append(book.apply(event))
                stream.renew_book(event.symbol)

        task = asyncio.create_task(stream.run(keep))
        async with asyncio.timeout(10):
            while len(asked_s) < 4:  # noqa: ASYNC110 - a server of this test counts.
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    first, second, third = (later - sooner for sooner, later in pairwise(asked_s))
    assert {BookOutcome.CROSSED} == set(outcomes)
    assert first < 0.4  # At once: nothing was renewed before.
    assert 0.4 < second < third


async def test_what_is_asked_for_while_it_waits_is_renewed_once() -> None:
    """A hundred wishes are one, and a stop forgets what waits."""
    renewed: list[str] = []
    renewals = Renewals(renewed.append, clock=SystemClock(), jitter=lambda: 0.0)
    for _ in range(100):
        renewals.ask("BTCUSDT")
    await asyncio.sleep(0.05)
    for _ in range(100):
        renewals.ask("BTCUSDT")
    renewals.stop()
    await asyncio.sleep(0.6)

    assert ["BTCUSDT"] == renewed


@pytest.mark.parametrize("symbol", ["BTC/USDT", "NO/SUCH"])
async def test_a_wish_before_there_is_a_connection_is_harmless(symbol: str) -> None:
    """The first connection begins with whole books anyhow."""
    async with HttpTransport() as transport:
        stream = BinanceMarketStream(
            binance_calls(transport, "http://127.0.0.1:9"),
            transport,
            stream_url="ws://127.0.0.1:9",
            instruments=[BTC],
            jitter=lambda: 0.0,
        )
        stream.renew_book(symbol)
        async with followed(stream) as heard:
            await asyncio.sleep(0.05)

    assert [] == heard.events
