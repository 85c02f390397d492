"""Streams of the Binance adapter against a whole venue: complete, joined, reconnected, and deaf to nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS, DEFAULT_SECRET, VenueSettings
from meva_core.commands import CancelOrder, ObserveVenue
from meva_core.data.order_book import OrderBook
from meva_core.events import (
    BookChanged,
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderFilled,
    QuoteReceived,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
    TradeReceived,
    VenueStateObserved,
)
from tests.integration.exchange.binance_case import calls_of, is_ours, order, server
from tests.integration.exchange.heard import Heard, followed

BTC = DEFAULT_MARKETS[0].instrument
SETTINGS = VenueSettings(trades_per_second=50)


def market_stream(transport: HttpTransport, http: str, ws: str) -> BinanceMarketStream:
    """Return a stream of BTC that never waits long."""
    return BinanceMarketStream(
        calls_of(transport, http), transport, stream_url=ws, instruments=[BTC], jitter=lambda: 0.0
    )


@asynccontextmanager
async def market_of_a_venue() -> AsyncIterator[tuple[VenueServer, Heard]]:
    """Start a venue and follow its market."""
    async with (
        VenueServer(SETTINGS) as venue,
        HttpTransport() as transport,
        followed(market_stream(transport, venue.url, venue.ws_url)) as heard,
    ):
        yield venue, heard


def compared(events: list[Event]) -> int:
    """Replay *events* into a book; return how often it was equal to the quote of its own number, and never unequal."""
    quotes = {event.update_id: event for event in events if isinstance(event, QuoteReceived)}
    book, equal = OrderBook(BTC.symbol), 0
    for event in events:
        if isinstance(event, StreamLost | StreamGapDetected):
            book.discard()
        if isinstance(event, BookChanged):
            assert not book.apply(event).broken
            quote = quotes.get(event.last_update_id)
            if book.synchronised and quote is not None and not event.snapshot:
                shown = (quote.bid_ticks, quote.bid_lots), (quote.ask_ticks, quote.ask_lots)
                assert shown == (book.best_bid, book.best_ask)
                equal += 1
    return equal


async def test_the_market_comes_with_a_book_that_joins_its_snapshot() -> None:
    """Trades, quotes, changes and a snapshot come, and the book of the core never breaks."""
    async with market_of_a_venue() as (_venue, heard):
        await heard.until(lambda: heard.count(BookChanged) >= 10 and heard.count(TradeReceived) >= 10)

    assert isinstance(heard.events[0], StreamConnected)
    snapshots = [e for e in heard.events if isinstance(e, BookChanged) and e.snapshot]
    assert 1 == len(snapshots)
    assert compared(heard.events) > 0


async def test_a_lost_change_is_a_gap_and_a_new_snapshot() -> None:
    """A dropped depth event is told, and the next snapshot makes the book whole again."""

    def snapshots() -> int:
        return sum(isinstance(e, BookChanged) and e.snapshot for e in heard.events)

    async with market_of_a_venue() as (venue, heard):
        await heard.until(lambda: snapshots() == 1)
        venue.strike(Fault(kind=FaultKind.DROP_DEPTH, symbol="BTCUSDT"))
        await heard.until(lambda: snapshots() == 2)
        equal = compared(heard.events)
        await heard.until(lambda: compared(heard.events) > equal)

    [gap] = [event for event in heard.events if isinstance(event, StreamGapDetected)]
    assert gap.expected_id < gap.received_id


async def test_a_cut_market_stream_comes_back_with_a_new_snapshot() -> None:
    """Lost, connected again, and the book starts from a fresh snapshot."""
    async with market_of_a_venue() as (venue, heard):
        for cuts in range(1, 4):
            await heard.until(lambda cuts=cuts: heard.count(StreamConnected) == cuts)
            await heard.until(
                lambda cuts=cuts: cuts == sum(isinstance(e, BookChanged) and e.snapshot for e in heard.events)
            )
            venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
            await heard.until(lambda cuts=cuts: heard.count(StreamLost) == cuts)
        await heard.until(lambda: heard.count(StreamConnected) == 4)
        equal = compared(heard.events)
        await heard.until(lambda: compared(heard.events) > equal)

    snapshots = [event for event in heard.events if isinstance(event, BookChanged) and event.snapshot]
    assert 4 == len(snapshots)
    assert sorted({snap.last_update_id for snap in snapshots}) == [snap.last_update_id for snap in snapshots]


async def test_silence_with_living_pings_is_a_loss() -> None:
    """A server that answers pings and says nothing is left after the patience has ended."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            pass
        return socket

    async with server(handle) as url, HttpTransport() as transport:
        stream = BinanceMarketStream(
            calls_of(transport, url),
            transport,
            stream_url=url,
            instruments=[BTC],
            jitter=lambda: 0.0,
            patience=Patience(silence_s=0.2),
        )
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(StreamLost) == 1)

    [lost] = [event for event in heard.events if isinstance(event, StreamLost)][:1]
    assert "silent" in lost.reason


async def test_malformed_frames_are_counted_and_change_nothing() -> None:
    """Nonsense gives no event and ends no connection; the next good frame is read."""
    nonsense = [
        "{", "[]", "null", '{"stream":"x","data":[]}', '{"e":"trade","s":"BTCUSDT"}',
        '{"e":"new kind","s":"BTCUSDT"}', '{"e":"trade","s":["BTCUSDT"]}',
    ]  # fmt: skip
    good = '{"e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"61837.63","q":"0.02","T":1723161255342,"m":true}'

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for text in (*nonsense, good):
            await socket.send_str(text)
        async for message in socket:
            assert message.type is not aiohttp.WSMsgType.ERROR
        return socket

    async with server(handle) as url, HttpTransport() as transport:
        stream = market_stream(transport, url, url)
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(TradeReceived) == 1)

    assert ["StreamConnected", "TradeReceived"] == [type(event).__name__ for event in heard.events]
    assert len(nonsense) == sum(stream._calls.anomalies.values())


async def test_the_account_tells_what_its_orders_do_and_nothing_twice_after_a_cut() -> None:
    """Acknowledged, filled and cancelled come by the stream; what it missed while cut comes by the comparison."""
    async with VenueServer(SETTINGS) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        exchange = BinanceExchange(calls, symbols=["BTC/USDT"], owns=is_ours)
        stream = BinanceUserStream(
            calls,
            transport,
            HmacSigner(DEFAULT_SECRET),
            ws_api_url=f"{venue.ws_url}/ws-api/v3",
            symbols=["BTC/USDT"],
            jitter=lambda: 0.0,
            trades=exchange.trades,
        )
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(StreamConnected) == 1)
            await exchange.place(order("ours1"))
            await exchange.cancel(CancelOrder("BTC/USDT", "ours1", "test"))
            await exchange.place(order("ours2", price=None))
            await heard.until(lambda: heard.count(OrderFilled) >= 1 and heard.count(OrderCanceled) == 1)
            venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
            await exchange.place(order("ours3", price=None))
            await heard.until(lambda: heard.count(StreamConnected) == 2)
            [state] = await exchange.observe(ObserveVenue("reconnected"))

    assert isinstance(state, VenueStateObserved)
    assert {"ours1", "ours2"} <= {e.client_order_id for e in heard.events if isinstance(e, OrderAcknowledged)}
    streamed = [event.fill for event in heard.events if isinstance(event, OrderFilled)]
    told = {fill.trade_id: fill for fill in state.fills}
    assert {"ours2", "ours3"} == {fill.client_order_id for fill in state.fills}
    assert len(told) == len(state.fills)
    assert streamed == [told[fill.trade_id] for fill in streamed]


async def test_a_wrong_key_keeps_the_account_stream_down_without_an_error() -> None:
    """The venue refuses the subscription: no connection is claimed, and it tries again."""
    async with VenueServer() as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        stream = BinanceUserStream(
            calls,
            transport,
            HmacSigner("wrong"),
            ws_api_url=f"{venue.ws_url}/ws-api/v3",
            symbols=["BTC/USDT"],
            jitter=lambda: 0.0,
        )
        async with followed(stream) as heard:
            await asyncio.sleep(0.5)

    assert [] == heard.events
