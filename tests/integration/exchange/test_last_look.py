"""Between the decision to send and the first byte lies a connection; what is forbidden meanwhile does not leave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, TraceConfig, web

from meva_adapters.controls.kill_latch import KillLatch, LatchedExchange
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.transport.http import LAST_LOOK, HttpTransport, NotSentError
from meva_core.commands import CancelOrder
from meva_core.errors import VenueRefusedError
from meva_core.events import ClockMeasured, OrderDropped, OrderRejected
from tests.integration.exchange.binance_case import calls_of, order, server
from tests.integration.exchange.kraken_case import adapter as kraken_adapter
from tests.integration.exchange.kraken_case import order as kraken_order


class Gate:
    """Close when a connection has been made, as a kill may do."""

    def __init__(self) -> None:
        self.closed = False

    async def why_not(self) -> str:
        return "the gate moved" if self.closed else ""

    def trace(self) -> TraceConfig:
        """Return what closes the gate."""
        trace = TraceConfig()

        async def connected(_session: ClientSession, _context: SimpleNamespace, _parameters: Any) -> None:
            self.closed = True

        trace.on_connection_create_end.append(connected)
        trace.freeze()
        return trace


@pytest.fixture
def gate() -> Gate:
    """Return an open gate; each test has its task ask it, as the tasks of orders do."""
    return Gate()


async def test_what_became_forbidden_while_connecting_does_not_leave(gate: Gate) -> None:
    """The gate closes when the connection is there: the request is not sent, and that is certain."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    LAST_LOOK.set(gate.why_not)
    async with server(answer) as url, HttpTransport() as transport:
        transport.session.trace_configs.append(gate.trace())
        with pytest.raises(NotSentError, match="the gate moved"):
            await transport.send("POST", f"{url}/order")
        gate.closed = False
        transport.session.trace_configs.clear()
        await transport.send("POST", f"{url}/after")

    assert ["/after"] == heard


async def test_an_order_that_is_stopped_at_the_last_moment_is_dropped(gate: Gate) -> None:
    """The adapter tells of it as of every order that certainly never left."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    LAST_LOOK.set(gate.why_not)
    async with server(answer) as url, HttpTransport() as transport:
        transport.session.trace_configs.append(gate.trace())
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        [event] = await exchange.place(order("ours-1"))

    assert isinstance(event, OrderDropped)
    assert "the gate moved" == event.reason
    assert [] == heard


async def test_z7_a_latch_that_is_set_while_connecting_stops_the_order(tmp_path: Path) -> None:
    """Whoever kills from outside, as the agent's loop hangs amid an order's connection, is heard before its first byte.

    The looks of others hold beside the latch's, and end with the order.
    """
    heard, asked = [], []
    latch = KillLatch(tmp_path / "kill")

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    async def connected(_session: ClientSession, _context: SimpleNamespace, _parameters: Any) -> None:
        latch.set("hung", "ann")

    async def look() -> str:
        asked.append("look")
        return ""

    trace = TraceConfig()
    trace.on_connection_create_end.append(connected)
    trace.freeze()
    LAST_LOOK.set(look)
    async with server(answer) as url, HttpTransport() as transport:
        transport.session.trace_configs.append(trace)
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        [event] = await LatchedExchange(exchange, latch, now_ns=lambda: 7).place(order("ours-1"))

    assert isinstance(event, OrderDropped)
    assert "the kill latch is set" == event.reason
    assert ["look"] == asked
    assert [] == heard
    assert LAST_LOOK.get() is look


async def test_a_prepared_order_waits_for_its_clearance_and_holds_up_nothing() -> None:
    """Signed and with a connection, it sends no byte before it is cleared; a cancel leaves meanwhile."""
    heard, cleared = [], asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/time"):
            return web.json_response({"serverTime": 1})
        heard.append(request.method)
        name = request.query.get("newClientOrderId", "ours-2")
        return web.json_response({"clientOrderId": name, "origClientOrderId": name, "status": "CANCELED"})

    async def clearance() -> str:
        await cleared.wait()
        return ""

    async with server(answer) as url, HttpTransport() as transport:
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        placing = asyncio.create_task(exchange.place_when(order("ours-1"), clearance))
        await exchange.cancel(CancelOrder("BTC/USDT", "ours-2", "test"))
        await asyncio.sleep(0.05)
        before = list(heard)
        cleared.set()
        await placing

    assert ["DELETE"] == before
    assert ["DELETE", "POST"] == heard


async def test_a_prepared_order_that_is_not_cleared_is_dropped() -> None:
    """The answer is the reason, and nothing left."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    async def clearance() -> str:
        return "it is not durable"

    async with server(answer) as url, HttpTransport() as transport:
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        [event] = await exchange.place_when(order("ours-1"), clearance)

    assert isinstance(event, OrderDropped)
    assert "it is not durable" == event.reason
    assert [] == heard


async def test_a_request_that_waits_for_its_leave_until_its_time_is_over_was_not_sent() -> None:
    """A disk that takes longer than a request may is no venue that does not answer."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    LAST_LOOK.set(never)
    async with server(answer) as url, HttpTransport(timeout_s=0.1) as transport:
        with pytest.raises(NotSentError):
            await transport.send("POST", f"{url}/order")

    assert [] == heard


class Limited:
    """Be a venue that says when to come again, and an order that waits until it is *durable*."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.durable = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer no request at all for ten seconds."""
        self.heard.append(request.path)
        return web.Response(status=429, headers={"Retry-After": "10"})

    async def clearance(self) -> str:
        """Let the order leave once it is durable."""
        await self.durable.wait()
        return ""


async def test_i27_an_order_that_waits_leaves_not_within_a_limit_that_another_call_was_told() -> None:
    """Its budget was asked as it was prepared; the answer to another call says when to come again: it was not sent."""
    limited = Limited()

    async with server(limited.answer) as url, HttpTransport() as transport:
        calls = calls_of(transport, url)
        exchange = BinanceExchange(calls, symbols=["BTC/USDT"], owns=lambda _: True)
        placing = asyncio.create_task(exchange.place_when(order("ours-1"), limited.clearance))
        await asyncio.sleep(0.05)
        with pytest.raises(VenueRefusedError, match="429"):
            await calls.measure_clock()
        limited.durable.set()
        [event] = await placing

    assert isinstance(event, OrderDropped)
    assert "rate limited" in event.reason
    assert ["/api/v3/time"] == limited.heard


async def test_i27_a_limit_that_is_told_while_a_kraken_order_waits_holds_it_back() -> None:
    """Its turn and its nonce are there, and it leaves not: a limit counts until the first byte."""
    limited = Limited()
    LAST_LOOK.set(limited.clearance)
    async with server(limited.answer) as url, kraken_adapter(url) as exchange:
        placing = asyncio.create_task(exchange.place(kraken_order("ours1")))
        await asyncio.sleep(0.05)
        LAST_LOOK.set(None)
        with pytest.raises(VenueRefusedError, match="429"):
            await exchange._calls.public("Time", [])
        limited.durable.set()
        [event] = await placing

    assert isinstance(event, OrderDropped)
    assert "rate limited" in event.reason
    assert ["/0/public/Time"] == limited.heard


async def test_the_clock_is_measured_again_though_the_order_may_leave_no_more(gate: Gate) -> None:
    """The venue refuses an order for its clock and the gate closes meanwhile: it is a question, and no order."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        gate.closed = True
        if request.path.endswith("/time"):
            return web.json_response({"serverTime": 1_700_000_000_000})
        return web.json_response({"code": -1021, "msg": "Timestamp."}, status=400)

    async with server(answer) as url, HttpTransport() as transport:
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        events = await exchange.place_when(order("ours-1"), gate.why_not)

    assert [OrderRejected, ClockMeasured] == [type(event) for event in events]
    assert ["/api/v3/order", "/api/v3/time"] == heard


@pytest.mark.parametrize("prepares", [True, False])
async def test_z7_a_latch_that_is_set_before_the_clearance_stops_the_order(
    tmp_path: Path,
    prepares: bool,
) -> None:
    """Whether or not the exchange behind it prepares orders, the latch is looked at when the clearance is there."""
    heard = []
    latch = KillLatch(tmp_path / "kill")

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    async def clearance() -> str:
        latch.set("hung", "ann")
        return ""

    async with server(answer) as url, HttpTransport() as transport:
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        behind = exchange if prepares else Unprepared(exchange)
        latched = LatchedExchange(behind, latch, now_ns=lambda: 7)
        [event] = await latched.place_when(order("ours-1"), clearance)

    assert isinstance(event, OrderDropped)
    assert "the kill latch is set" == event.reason
    assert [] == heard


@pytest.mark.parametrize("prepares", [True, False])
async def test_a_gate_that_closes_after_the_clearance_stops_the_order(
    gate: Gate, tmp_path: Path, prepares: bool
) -> None:
    """An order that waits behind the latch for its connection is asked about once more, whatever is behind it."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    async with server(answer) as url, HttpTransport() as transport:
        transport.session.trace_configs.append(gate.trace())
        exchange = BinanceExchange(calls_of(transport, url), symbols=["BTC/USDT"], owns=lambda _: True)
        behind = exchange if prepares else Unprepared(exchange)
        latched = LatchedExchange(behind, KillLatch(tmp_path / "kill"), now_ns=lambda: 7)
        [event] = await latched.place_when(order("ours-1"), gate.why_not)

    assert isinstance(event, OrderDropped)
    assert "the gate moved" == event.reason
    assert [] == heard


class Unprepared:
    """Be an exchange that takes an order only when it may leave."""

    def __init__(self, exchange: BinanceExchange) -> None:
        self.capabilities = exchange.capabilities
        self.place, self.cancel, self.cancel_all = exchange.place, exchange.cancel, exchange.cancel_all
        self.query, self.observe = exchange.query, exchange.observe
