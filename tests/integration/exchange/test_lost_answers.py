"""A subscription whose answer is lost is asked for again soon, though everything else on the connection is fine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import pytest
from aiohttp import web

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.websocket import Patience
from meva_core.events import StreamConnected, StreamLost
from meva_core.ports.market_feed import EventStream
from tests.integration.exchange.binance_case import CLOCK, server
from tests.integration.exchange.heard import followed
from tests.integration.exchange.kraken_case import calls_of, pairs

ANSWER_S = 0.3
PATIENCE = Patience(silence_s=5.0, answer_s=ANSWER_S)
HEARTBEAT = '{"channel":"heartbeat"}'
OF_NO_INTEREST = '{"event":{"e":"outboundAccountPosition"}}'


class Forgetful:
    """Be a venue that leaves the subscriptions of the first connection unanswered, and everything else is fine."""

    def __init__(self, says: str) -> None:
        self.connections = 0
        self._says = says

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            return web.json_response({"error": [], "result": {"token": "t", "expires": 900}})
        if request.path.endswith("/time"):
            return web.json_response({"serverTime": CLOCK.now_ns() // 1_000_000})
        self.connections += 1
        answers = self.connections > 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        beating = asyncio.create_task(self._beat(socket))
        async for message in socket:
            if answers and "ping" not in message.data:
                for text in granted(message.data):
                    await socket.send_str(text)
        beating.cancel()
        return socket

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        while not socket.closed:
            await socket.send_str(self._says)
            await asyncio.sleep(ANSWER_S / 10)


def granted(request: str) -> list[str]:
    """Return the answers of either venue: one, or one for each symbol."""
    asked = orjson.loads(request)
    if "id" in asked:
        return [orjson.dumps({"id": asked["id"], "status": 200, "result": {}}).decode()]
    answer = orjson.dumps({"method": "subscribe", "success": True, "result": {}}).decode()
    return [answer] * len(asked["params"].get("symbol", [""]))


def binance_account(transport: HttpTransport, url: str) -> EventStream:
    """Return Binance's stream of our orders."""
    signer = HmacSigner("s")
    calls = BinanceCalls(transport, CLOCK, rest_url=url, api_key="k", signer=signer)
    return BinanceUserStream(
        calls, transport, signer, ws_api_url=url, symbols=[], jitter=lambda: 0.0, patience=PATIENCE
    )


def kraken_account(transport: HttpTransport, url: str) -> EventStream:
    """Return Kraken's stream of our orders."""
    calls = calls_of(transport, url)
    return KrakenUserStream(calls, transport, stream_url=url, jitter=lambda: 0.0, patience=PATIENCE)


def kraken_market(transport: HttpTransport, url: str) -> EventStream:
    """Return Kraken's stream of a market."""
    calls = calls_of(transport, url)
    return KrakenMarketStream(
        calls, transport, stream_url=url, pairs=pairs()[:1], jitter=lambda: 0.0, patience=PATIENCE
    )


@pytest.mark.parametrize(
    ("stream_of", "says"),
    [(binance_account, OF_NO_INTEREST), (kraken_account, HEARTBEAT), (kraken_market, HEARTBEAT)],
)
async def test_a_lost_answer_ends_the_connection_and_the_next_one_is_up(
    stream_of: Callable[[HttpTransport, str], EventStream], says: str
) -> None:
    """The messages that keep coming do not make up for it; nothing was up, so nothing is lost."""
    venue = Forgetful(says)
    loop = asyncio.get_running_loop()
    async with server(venue.answer) as url, HttpTransport() as transport:
        began_s = loop.time()
        async with followed(stream_of(transport, url)) as heard:
            await heard.until(lambda: heard.count(StreamConnected) == 1)
            took_s = loop.time() - began_s
            await asyncio.sleep(2 * ANSWER_S)

    assert took_s >= ANSWER_S
    assert 2 == venue.connections
    assert 0 == heard.count(StreamLost)
