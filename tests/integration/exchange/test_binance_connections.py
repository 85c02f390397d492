"""A connection is left when it is dead, old or announced to end, and its pings are answered as the venue wants."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from aiohttp import WSMsgType, web

from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_adapters.venue.faults import Fault, FaultKind
from meva_core.events import StreamConnected, StreamLost, TradeReceived
from tests.integration.exchange.binance_case import calls_of, server
from tests.integration.exchange.heard import followed
from tests.integration.exchange.test_binance_streams import BTC, market_of_a_venue

TRADE = '{"e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"61837.63","q":"0.02","T":1723161255342,"m":true}'


def patient_stream(transport: HttpTransport, url: str, patience: Patience) -> BinanceMarketStream:
    """Return a stream of BTC with its own patience."""
    return BinanceMarketStream(
        calls_of(transport, url),
        transport,
        stream_url=url,
        instruments=[BTC],
        jitter=lambda: 0.0,
        patience=patience,
    )


async def lost_at(
    serve: Callable[[web.WebSocketResponse], Awaitable[None]], patience: Patience, **options: bool
) -> str:
    """Follow a server that does what *serve* says; return why the first connection was lost."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse(**options)
        await answer.prepare(request)
        await serve(answer)
        return answer

    async with (
        server(handle) as url,
        HttpTransport() as transport,
        followed(patient_stream(transport, url, patience)) as heard,
    ):
        await heard.until(lambda: heard.count(StreamLost) == 1)
    return next(event.reason for event in heard.events if isinstance(event, StreamLost))


async def test_a_half_open_connection_is_left_when_its_ping_is_not_answered() -> None:
    """The other side says nothing and answers no ping, although the connection stands."""
    never = asyncio.Event()

    async def serve(_socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(never.wait(), 1)

    began = asyncio.get_running_loop().time()
    reason = await lost_at(serve, Patience(ping_s=0.2, silence_s=30), autoping=False)

    assert asyncio.get_running_loop().time() - began < 5
    assert "silent" not in reason


async def test_pings_of_the_venue_are_answered_with_their_payload() -> None:
    """Binance ends a connection whose pong does not echo its ping."""
    echoed: list[bytes] = []
    done = asyncio.Event()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse(autoping=False)
        await answer.prepare(request)
        await answer.ping(b"1723161255342")
        async for message in answer:
            if message.type is WSMsgType.PONG:
                echoed.append(message.data)
                done.set()
        return answer

    async with (
        server(handle) as url,
        HttpTransport() as transport,
        followed(patient_stream(transport, url, Patience())),
    ):
        await asyncio.wait_for(done.wait(), 5)

    assert b"1723161255342" == bytes(echoed[0])


async def test_a_connection_is_renewed_before_the_venue_ends_it() -> None:
    """Its life is bounded although it is busy."""

    async def serve(socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                await socket.send_str(TRADE)
                await asyncio.sleep(0.01)

    assert "renewed" in await lost_at(serve, Patience(lifetime_s=0.2))
    assert Patience().lifetime_s < 24 * 3600
    assert 20 == Patience().ping_s


async def test_an_announced_shutdown_is_followed_at_once() -> None:
    """The connection is left on `serverShutdown`, before it is cut, and another one stands within two seconds."""
    async with market_of_a_venue() as (venue, heard):
        await heard.until(lambda: heard.count(TradeReceived) > 0)
        began = asyncio.get_running_loop().time()
        venue.strike(Fault(kind=FaultKind.SHUTDOWN_EVENT))
        await heard.until(lambda: heard.count(StreamConnected) == 2)
        took_s = asyncio.get_running_loop().time() - began

    assert ["the venue shuts this server down"] == [
        e.reason for e in heard.events if isinstance(e, StreamLost)
    ]
    assert took_s < 2


async def test_who_is_down_at_the_start_is_found_when_it_comes() -> None:
    """Nothing is claimed, nothing is raised, and the stream is up soon after its venue."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    async def handle(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await answer.send_str(TRADE)
        async for _ in answer:
            pass
        return answer

    async with HttpTransport() as transport, followed(patient_stream(transport, url, Patience())) as heard:
        await asyncio.sleep(0.3)
        before = list(heard.events)
        app = web.Application()
        app.router.add_get("/stream", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await heard.until(lambda: heard.count(TradeReceived) == 1)
        await runner.cleanup()

    assert [] == before
