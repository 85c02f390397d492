"""Streams of the Kraken adapter against a whole venue: proven, complete, reconnected, and deaf to nonsense."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from attrs import evolve

from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience, StreamEndError
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_core.commands import CancelOrder, ObserveVenue
from meva_core.data.order_book import OrderBook
from meva_core.errors import ConfigError
from meva_core.events import (
    BookChanged,
    CandleClosed,
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderFilled,
    OrderOutcomeUnknown,
    QuoteReceived,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
    TradeReceived,
    VenueStateObserved,
)
from tests.integration.exchange.binance_case import Handler, is_ours, server
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.kraken_case import ROOMY, WRONG_SECRET, calls_of, order, pairs

SETTINGS = evolve(ROOMY, trades_per_second=50)
BTC = pairs()[0]
STATUS = '{"channel":"status","type":"update","data":[{"system":"online"}]}'
ACCEPTED = '{"method":"subscribe","success":true,"result":{}}'


def market_stream(transport: HttpTransport, url: str, **more: object) -> KrakenMarketStream:
    """Return a stream of BTC that never waits long."""
    options = {"pairs": [BTC], "jitter": lambda: 0.0, "depth": 10} | more
    return KrakenMarketStream(calls_of(transport, url), transport, stream_url=url, **options)


@asynccontextmanager
async def market_of_a_venue() -> AsyncIterator[tuple[KrakenServer, KrakenMarketStream, Heard]]:
    """Start a venue and follow its market."""
    async with KrakenServer(SETTINGS) as venue, HttpTransport() as transport:
        stream = market_stream(transport, venue.public_ws_url)
        async with followed(stream) as heard:
            yield venue, stream, heard


def saying(*texts: str) -> Handler:
    """Return a server that accepts subscriptions, says *texts*, and then listens."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(STATUS)
        said = False
        async for message in socket:
            if '"subscribe"' in message.data:
                await socket.send_str(ACCEPTED)
            if not said and '"book"' in message.data:
                said = True
                for text in texts:
                    await socket.send_str(text)
        return socket

    return handle


def book_of(events: list[Event]) -> tuple[OrderBook, int]:
    """Replay *events* into a book of the core; return it, and how often it was usable; it never breaks by itself."""
    book, usable = OrderBook(BTC.instrument.symbol), 0
    for event in events:
        if isinstance(event, StreamLost | StreamGapDetected):
            book.discard()
        if isinstance(event, BookChanged):
            assert not book.apply(event).broken
            usable += book.synchronised
    return book, usable


async def test_the_market_comes_with_a_proven_book_of_ten_levels() -> None:
    """Trades, quotes and changes come; the book of the core holds the venue's ten best levels and no more."""
    async with market_of_a_venue() as (venue, stream, heard):
        await heard.until(lambda: heard.count(BookChanged) >= 20 and heard.count(TradeReceived) >= 10)
        book, usable = book_of(heard.events)
        bids, asks = venue.exchange.markets["BTCUSD"].levels(10)

    assert 1 == heard.count(StreamConnected)
    assert usable >= 20
    assert stream.checksums_verified == heard.count(BookChanged)
    assert (10, 10) == (len(book.bids), len(book.asks))
    assert heard.count(QuoteReceived) > 1
    assert {10} == {len(bids), len(asks)}


async def test_a_lost_change_makes_the_book_unusable_until_it_is_subscribed_again() -> None:
    """Fault M3: the checksum differs, a gap is told, changes are passed over, and a new snapshot mends it."""
    async with market_of_a_venue() as (venue, _stream, heard):
        await heard.until(lambda: heard.count(BookChanged) >= 5)
        venue.strike(Fault(kind=FaultKind.DROP_DEPTH, symbol="BTCUSD", times=1))
        await heard.until(lambda: heard.count(StreamGapDetected) == 1)
        place = len(heard.events)
        await heard.until(lambda: heard.count(BookChanged) >= 15 and len(heard.events) > place + 20)

    after = [event for event in heard.events[place:] if isinstance(event, BookChanged)]
    assert after[0].snapshot
    assert not any(event.snapshot for event in after[1:])
    assert 0 == heard.count(StreamLost)
    book_of(heard.events)


async def test_every_cut_is_followed_by_a_whole_market_again() -> None:
    """Three cuts: lost and connected each time, each with a snapshot and a book that the core can use."""
    async with market_of_a_venue() as (venue, _stream, heard):
        for cuts in range(1, 4):
            await heard.until(lambda cuts=cuts: heard.count(StreamConnected) == cuts)
            venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
            await heard.until(lambda cuts=cuts: heard.count(StreamLost) == cuts)
        await heard.until(lambda: heard.count(StreamConnected) == 4)
        _, usable = book_of(heard.events)
        await heard.until(lambda: book_of(heard.events)[1] > usable + 5)

    assert 4 == sum(event.snapshot for event in heard.events if isinstance(event, BookChanged))


async def test_silence_is_a_loss() -> None:
    """No heartbeat for as long as our patience: the connection is given up."""
    async with (
        server(saying()) as url,
        HttpTransport() as transport,
        followed(market_stream(transport, url, patience=Patience(silence_s=0.2))) as heard,
    ):
        await heard.until(lambda: heard.count(StreamLost) == 1)

    [lost] = [event for event in heard.events if isinstance(event, StreamLost)][:1]
    assert "silent" in lost.reason


async def test_malformed_frames_are_counted_and_change_nothing() -> None:
    """Nonsense gives no event and ends no connection; the next good frame is read with every digit."""
    nonsense = [
        "{", "[]", "null", '{"channel":"trade"}', '{"channel":"trade","data":[{"symbol":"BTC/USD"}]}',
        '{"channel":"trade","data":[{"symbol":"ETH/USD","price":1,"qty":1,"side":"buy"}]}',
        '{"channel":"news","data":[{"symbol":"BTC/USD"}]}', '{"channel":"ticker","data":[]}x', '{"channel":5}',
        '{"channel":"trade","data":[{"symbol":"BTC/USD","side":"buy","price":NaN,"qty":1,"trade_id":1}]}',
        '{"channel":"book","type":"update","data":[{"symbol":"NO/SUCH"}]}',
    ]  # fmt: skip
    good = (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":61837.6,'
        '"qty":2e-8,"ord_type":"market","trade_id":7,"timestamp":"2024-08-08T23:54:15.342Z"}]}'
    )
    async with server(saying(*nonsense, good)) as url, HttpTransport() as transport:
        stream = market_stream(transport, url)
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(TradeReceived) == 1)

    [trade] = [event for event in heard.events if isinstance(event, TradeReceived)]
    assert (618_376, 2, 7) == (trade.price_ticks, trade.quantity_lots, trade.trade_id)
    assert len(nonsense) == stream_anomalies(stream)
    assert 0 == heard.count(StreamLost)


def stream_anomalies(stream: KrakenMarketStream) -> int:
    """Return how much the stream did not understand."""
    calls = stream._note_anomaly.__self__  # type: ignore[attr-defined]
    return sum(calls.anomalies.values())


async def test_a_damaged_change_of_a_book_gives_the_book_up() -> None:
    """What it would have changed is not known: a gap is told, and the book is asked for again."""
    level = '{"price":60000.0,"qty":1.00000000}'
    snapshot = (
        f'{{"channel":"book","type":"snapshot","data":[{{"symbol":"BTC/USD","bids":[{level}],'
        f'"asks":[{level.replace("60000.0", "60000.1")}]}}]}}'
    )
    damaged = (
        '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":"x"}],"asks":[]}]}'
    )
    async with (
        server(saying(snapshot, damaged)) as url,
        HttpTransport() as transport,
        followed(market_stream(transport, url)) as heard,
    ):
        await heard.until(lambda: heard.count(StreamGapDetected) == 1)

    kinds = [type(event) for event in heard.events if isinstance(event, BookChanged | StreamGapDetected)]
    assert [BookChanged, StreamGapDetected] == kinds


async def test_an_unknown_symbol_is_told_and_nothing_is_connected() -> None:
    """The venue refuses the subscription: no connection is claimed, and the reason is counted."""
    nobody = evolve(BTC, instrument=evolve(BTC.instrument, symbol="NO/SUCH"))
    async with KrakenServer(SETTINGS) as venue, HttpTransport() as transport:
        stream = market_stream(transport, venue.public_ws_url, pairs=[nobody])
        async with followed(stream) as heard:
            await asyncio.sleep(0.3)

    assert [] == heard.events
    assert stream_anomalies(stream) > 0


async def test_a_bar_closes_when_the_next_one_comes_and_the_snapshot_closes_what_was_missed() -> None:
    """Bars before the first snapshot are history; each later one is told once, when a newer one begins."""

    def bars(kind: str, *minutes: int) -> str:
        rows = [
            {"symbol": "BTC/USD", "open": 1, "high": 2, "low": 1, "close": 2, "trades": 1, "volume": minute,
             "interval_begin": f"2024-08-08T23:{minute:02d}:00Z", "interval": 1}
            for minute in minutes
        ]  # fmt: skip
        return json.dumps({"channel": "ohlc", "type": kind, "data": rows})

    texts = [
        bars("snapshot", 10, 11, 12),
        bars("update", 12),
        bars("update", 13),
        bars("snapshot", 12, 13, 14, 15),
    ]
    async with (
        server(saying(*texts)) as url,
        HttpTransport() as transport,
        followed(market_stream(transport, url, timeframes=["1m"])) as heard,
    ):
        await heard.until(lambda: heard.count(CandleClosed) >= 3)
        await asyncio.sleep(0.05)

    closed = [event.candle.volume // 10**8 for event in heard.events if isinstance(event, CandleClosed)]
    assert [12, 13, 14] == closed
    with pytest.raises(ConfigError, match="no bars of 3m"):
        KrakenMarketStream(
            calls_of(transport, url),
            transport,
            stream_url=url,
            pairs=[BTC],
            jitter=lambda: 0.0,
            timeframes=["3m"],
        )


@asynccontextmanager
async def account_of_a_venue() -> AsyncIterator[tuple[KrakenServer, KrakenExchange, Heard]]:
    """Start a venue, trade there and follow the account."""
    async with KrakenServer(SETTINGS) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        exchange = KrakenExchange(calls, pairs=pairs(), owns=is_ours)
        stream = KrakenUserStream(
            calls, transport, stream_url=venue.private_ws_url, jitter=lambda: 0.0, trades=exchange.trades
        )
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(StreamConnected) == 1)
            yield venue, exchange, heard


async def test_the_account_tells_what_its_orders_do_and_nothing_twice_after_a_cut() -> None:
    """Acknowledged, filled and cancelled come by the stream; what it missed while cut comes by the comparison."""
    async with account_of_a_venue() as (venue, exchange, heard):
        await exchange.place(order("ours1"))
        await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))
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


async def test_an_order_of_an_earlier_connection_is_known_by_its_name() -> None:
    """Its cancel names the venue's id alone; the snapshot after the connection gave the name."""
    async with account_of_a_venue() as (venue, exchange, heard):
        await exchange.place(order("ours1"))
        venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
        await heard.until(lambda: heard.count(StreamConnected) == 2)
        await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))
        await heard.until(lambda: heard.count(OrderCanceled) == 1)

    assert ["ours1"] == [event.client_order_id for event in heard.events if isinstance(event, OrderCanceled)]


def executions(*rows: dict[str, object], sequence: int = 2) -> str:
    """Return a message about orders."""
    return json.dumps({"channel": "executions", "type": "update", "data": rows, "sequence": sequence})


@pytest.mark.parametrize(
    ("message", "event", "reason"),
    [
        (
            executions({"order_id": "O1", "exec_type": "new kind", "cl_ord_id": "ours1"}),
            OrderOutcomeUnknown,
            "",
        ),
        (executions({"order_id": "O1", "exec_type": "trade", "cl_ord_id": "ours1"}), StreamLost, "malformed"),
        (executions({"order_id": "O1", "exec_type": "new"}, sequence=4), StreamLost, "message 2 is missing"),
        (
            "{\n" + executions({"order_id": "O1", "exec_type": "new"}, sequence=3),
            StreamLost,
            "message 2 is missing",
        ),
    ],
)
async def test_what_is_not_understood_about_orders_is_counted_and_settles_nothing(
    message: str, event: type, reason: str
) -> None:
    """An unknown kind makes that order unknown; a damaged or missing message ends the connection, to compare anew."""
    first = executions(sequence=1)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"error": [], "result": {"token": "t", "expires": 900}})
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for text in socket:
            if "subscribe" in text.data:
                for each in (ACCEPTED, first, *message.split("\n")):
                    await socket.send_str(each)
        return socket

    async with server(handle) as url, HttpTransport() as transport:
        calls = calls_of(transport, url)
        stream = KrakenUserStream(calls, transport, stream_url=f"{url}/auth/v2", jitter=lambda: 0.0)
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(event) >= 1)

    [first_of_kind, *_] = [each for each in heard.events if isinstance(each, event)]
    assert reason in getattr(first_of_kind, "reason", "")
    assert 0 == heard.count(OrderFilled) + heard.count(OrderAcknowledged)


async def test_a_wrong_key_keeps_the_account_stream_down_with_a_reason() -> None:
    """No token, no connection: nothing is claimed, the reason is counted, and it is tried again."""
    async with KrakenServer(SETTINGS) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url, secret=WRONG_SECRET)
        stream = KrakenUserStream(calls, transport, stream_url=venue.private_ws_url, jitter=lambda: 0.0)
        async with followed(stream) as heard:
            await asyncio.sleep(0.3)

    assert [] == heard.events
    assert calls.anomalies["no_token"] > 0


async def test_damaged_frames_never_end_a_stream_but_by_its_own_word() -> None:
    """Ten thousand damaged frames on either stream: an event, nothing, or the wish for a new connection."""
    chance = random.Random(7)
    level = {"price": 60000.5, "qty": 0.00000001}
    frames = [
        {
            "channel": "book",
            "type": "snapshot",
            "data": [{"symbol": "BTC/USD", "bids": [level], "asks": [level]}],
        },
        {
            "channel": "ticker",
            "data": [{"symbol": "BTC/USD", "bid": 1, "bid_qty": 1, "ask": 2, "ask_qty": 1}],
        },
        {"channel": "status", "type": "update", "data": [{"system": "online"}]},
        {"method": "subscribe", "success": True, "result": {"channel": "book"}},
        json.loads(executions({"order_id": "O1", "cl_ord_id": "ours1", "exec_type": "canceled"})),
    ]
    samples = [json.dumps(frame) for frame in frames]
    ended = 0
    async with HttpTransport() as transport:
        calls = calls_of(transport, "http://127.0.0.1:1")
        streams = (
            market_stream(transport, "ws://127.0.0.1:1"),
            KrakenUserStream(calls, transport, stream_url="ws://127.0.0.1:1", jitter=lambda: 0.0),
        )
        for number in range(10_000):
            text = samples[number % len(samples)]
            place = chance.randrange(len(text))
            damage = chance.choice(["", "null", "[]", "{}", "-1", '"', "NaN", chr(chance.randrange(1, 300))])
            for stream in streams:
                try:
                    told = stream._read(text[:place] + damage + text[place + chance.randint(0, 4) :])
                except StreamEndError:
                    ended += 1
                else:
                    assert all(hasattr(event, "time_ns") for event in told)

    assert 0 < ended < 20_000
