"""Requests leave once, whatever happens to them; each outcome of the transport has its own event."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from meva_core.commands import CancelOrder, ObserveVenue
from meva_core.events import OrderDropped, OrderOutcomeUnknown, OrderRejected, RequestFailed
from tests.integration.exchange.binance_case import CLOCK, adapter, order, server


def cut(request: web.Request) -> web.Response:
    """Drop the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def test_no_method_is_sent_again_on_a_connection_that_the_venue_dropped() -> None:
    """The kept connection dies at the second request: aiohttp would repeat a DELETE, and must not."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path.endswith("/time"):
            return web.json_response({"serverTime": CLOCK.now_ns() // 10**6})
        seen.append(request.method)
        return cut(request)

    async with server(handle) as url, adapter(url) as exchange:
        await exchange._calls.measure_clock()
        [canceled] = await exchange.cancel(CancelOrder("BTC/USDT", "ours1", "test"))
        await exchange._calls.measure_clock()
        [placed] = await exchange.place(order("ours2"))

    assert ["DELETE", "POST"] == seen
    assert isinstance(canceled, RequestFailed)
    assert isinstance(placed, OrderOutcomeUnknown)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "{", OrderOutcomeUnknown),
        (200, "[]", OrderOutcomeUnknown),
        (200, '{"clientOrderId":"other"}', OrderOutcomeUnknown),
        (302, "", OrderOutcomeUnknown),
        (400, "<html>", OrderOutcomeUnknown),
        (400, '{"code":-1007,"msg":"Timeout"}', OrderOutcomeUnknown),
        (400, '{"code":-2010,"msg":"Duplicate order sent."}', OrderOutcomeUnknown),
        (400, '{"code":-1013,"msg":"Filter failure: LOT_SIZE"}', OrderRejected),
        (403, "", OrderRejected),
        (418, "", OrderRejected),
        (429, "", OrderRejected),
        (503, '{"code":-2010,"msg":"no"}', OrderOutcomeUnknown),
        (504, "", OrderOutcomeUnknown),
    ],
)
async def test_what_an_answer_proves(status: int, body: str, expected: type) -> None:
    """Only a refusal of the venue itself proves that nothing was placed."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    async with server(handle) as url, adapter(url) as exchange:
        [event] = await exchange.place(order("ours1"))

    assert expected is type(event)


async def test_nothing_leaves_during_a_retry_after() -> None:
    """After a 429 with Retry-After, orders are dropped and questions fail without a request (invariant I27)."""
    requests = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        return web.Response(status=429, headers={"Retry-After": "30"})

    async with server(handle) as url, adapter(url) as exchange:
        await exchange.place(order("ours1"))
        [dropped] = await exchange.place(order("ours2"))
        [failed] = await exchange.observe(ObserveVenue("test"))

    assert 1 == requests
    assert isinstance(dropped, OrderDropped)
    assert isinstance(failed, RequestFailed)


async def test_a_silent_venue_leaves_the_outcome_unknown() -> None:
    """A half-open connection ends at the timeout, and proves nothing."""
    never = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await asyncio.wait_for(never.wait(), 1.0)
        return web.Response()

    async with server(handle) as url, adapter(url, timeout_s=0.2) as exchange:
        [event] = await exchange.place(order("ours1"))

    assert isinstance(event, OrderOutcomeUnknown)


@pytest.mark.parametrize("scheme", ["https://127.0.0.1:{port}", "http://[::1"])
async def test_no_connection_is_proof_that_nothing_left(scheme: str) -> None:
    """TLS that fails and an address that is none: dropped, not unknown, and never a traceback."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response()

    async with (
        server(handle) as url,
        adapter(scheme.format(port=url.rpartition(":")[2])) as exchange,
    ):
        [event] = await exchange.place(order("ours1"))

    assert isinstance(event, OrderDropped)
