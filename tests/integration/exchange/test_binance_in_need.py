"""Where something is lost on the way, all else still happens: cancels go on, streams live, the budget lasts."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import orjson
import pytest
from aiohttp import web

from meva_adapters.exchange.binance.book_numbers import BookNumbers
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.events import Event, OrderCanceled, RequestFailed, StreamGapDetected
from tests.integration.exchange.binance_case import adapter, calls_of, server
from tests.unit.exchange.test_binance_stream_damage import BTC, REPORT

OPEN = ("ours-1", "ours-2", "ours-3")


async def test_a_cancel_whose_answer_is_lost_keeps_no_other_order_open() -> None:
    """Of a cancel-all, each order is cancelled by itself, and nobody waits for the venue's silence on another."""
    cancelled: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": 1_700_000_000_000})
        if request.path == "/api/v3/openOrders":
            return web.json_response([opened(name) for name in OPEN])
        name = request.query["origClientOrderId"]
        if name == OPEN[0]:
            await asyncio.sleep(5)
        cancelled.append(name)
        return web.json_response({"origClientOrderId": name, "status": "CANCELED"})

    async with server(answer) as url, adapter(url, timeout_s=0.5) as exchange:
        events = await exchange.cancel_all(CancelAllOrders(None, "test"))

    assert [RequestFailed, OrderCanceled, OrderCanceled] == [type(event) for event in events]
    assert {*OPEN[1:]} == {*cancelled}


async def test_a_lost_list_of_orders_is_asked_for_again_before_all_is_cancelled() -> None:
    """The connection is cut instead of the first answer: the orders are cancelled all the same, at once."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": 1_700_000_000_000})
        if request.path == "/api/v3/openOrders":
            asked.append(request.path)
            if len(asked) == 1:
                assert request.transport is not None
                request.transport.close()
            return web.json_response([opened(name) for name in OPEN])
        return web.json_response(
            {"origClientOrderId": request.query["origClientOrderId"], "status": "CANCELED"}
        )

    async with server(answer) as url, adapter(url, timeout_s=5) as exchange:
        events = await exchange.cancel_all(CancelAllOrders(None, "test"))

    assert [OrderCanceled] * 3 == [type(event) for event in events]
    assert 2 == len(asked)


async def test_a_list_that_is_a_server_error_takes_nothing_of_what_cancels_need() -> None:
    """It is asked for once, and however often somebody comes again, cancels still leave."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": 1_700_000_000_000})
        asked.append(request.path)
        if request.path == "/api/v3/openOrders":
            return web.Response(status=502)
        return web.json_response(
            {"origClientOrderId": request.query["origClientOrderId"], "status": "CANCELED"}
        )

    async with server(answer) as url, adapter(url, timeout_s=5) as exchange:
        [failed] = await exchange.cancel_all(CancelAllOrders(None, "test"))
        once = list(asked)
        exchange._calls.budget.learn(5_600, exchange._calls.venue_ns())
        while isinstance(failed, RequestFailed) and "held back" not in failed.problem:
            [failed] = await exchange.cancel_all(CancelAllOrders(None, "test"))
        cancelled = await exchange.cancel(CancelOrder("BTC/USDT", OPEN[0], "test"))

    assert ["/api/v3/openOrders"] == once
    assert [OrderCanceled] == [type(event) for event in cancelled]


def opened(name: str) -> dict[str, object]:
    """Return an open order as the venue lists it."""
    return {
        "symbol": "BTCUSDT", "orderId": int(name[-1]), "clientOrderId": name, "side": "BUY", "status": "NEW",
        "origQty": "1.0", "executedQty": "0.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "counted", "expected"),
    [
        pytest.param(
            REPORT | {"l": None}, "malformed", [StreamGapDetected], id="a fill without its quantity"
        ),
        pytest.param({"e": "news"}, "unknown", [], id="an event that nobody knows"),
        pytest.param({"e": ["executionReport"]}, "malformed", [StreamGapDetected], id="a list for a kind"),
        pytest.param({"e": {}}, "malformed", [StreamGapDetected], id="an object for a kind"),
    ],
)
async def test_no_message_ends_the_stream_of_our_orders(
    event: dict[str, object], counted: str, expected: list[type[Event]]
) -> None:
    """What cannot be read is counted, and is a gap where it may have been a fill; the agent lives on (I30)."""
    async with HttpTransport() as transport:
        calls = calls_of(transport, "http://127.0.0.1:1")
        stream = BinanceUserStream(
            calls,
            transport,
            HmacSigner("s"),
            ws_api_url="ws://127.0.0.1:1",
            symbols=["BTC/USDT"],
            jitter=lambda: 0.5,
        )
        told = stream._read(orjson.dumps({"event": event}).decode())

    assert expected == [type(each) for each in told]
    assert 1 == calls.anomalies[f"{counted}_user_event"]


async def test_snapshots_that_do_not_fit_do_not_eat_the_budget() -> None:
    """Each question for a snapshot that came too early waits longer than the one before."""
    asked: Counter[str] = Counter()
    told: list[Event] = []

    async def answer(request: web.Request) -> web.Response:
        asked[request.path] += 1
        return web.json_response({"lastUpdateId": 1, "bids": [], "asks": []})

    async with server(answer) as url, HttpTransport() as transport:
        calls = calls_of(transport, url)
        stream = BinanceMarketStream(
            calls, transport, stream_url="ws://127.0.0.1:1", instruments=[BTC], jitter=lambda: 1.0
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(1.6):
                await stream._fetch("BTCUSDT", BookNumbers(), told.append)

    assert 3 == asked["/api/v3/depth"]  # At once, after a quarter of a second, and after half a second more.
    assert [] == told
