"""Between the decision to send and the first byte lies a connection; what is forbidden meanwhile does not leave."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, TraceConfig, web

from meva_adapters.controls.kill_latch import KillLatch, LatchedExchange
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.transport.http import LAST_LOOK, HttpTransport, NotSentError
from meva_core.events import OrderDropped
from tests.integration.exchange.binance_case import calls_of, order, server


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
