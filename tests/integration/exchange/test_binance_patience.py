"""Questions are asked within the venue's limits, however long that takes, and given up in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.patient_calls import PatientCalls
from meva_adapters.transport.rate_budget import RateBudget
from meva_core.errors import VenueRefusedError, VenueUnknownError
from tests.integration.exchange.binance_case import Handler, server

MINUTE_NS = 60 * 10**9


@asynccontextmanager
async def patient(handler: Handler, clock: ManualClock, *, limit: int = 100) -> AsyncIterator[PatientCalls]:
    """Return calls whose waits move *clock* and last no time."""

    async def sleep(seconds: float) -> None:
        clock.advance(int(seconds * 10**9) + 1)

    async with server(handler) as url, HttpTransport(timeout_s=2) as transport:
        budget = RateBudget(limit=limit, reserve=0, window_ns=MINUTE_NS)
        calls = BinanceCalls(transport, clock, rest_url=url, budget=budget)
        yield PatientCalls(calls, jitter=lambda: 0.5, sleep=sleep)


async def test_no_minute_sees_more_than_the_budget() -> None:
    """Two hundred questions of weight 4 at 100 a minute take eight minutes, and no minute has more than 25."""
    clock = ManualClock(MINUTE_NS // 2)
    minutes: Counter[int] = Counter()

    async def handle(_request: web.Request) -> web.Response:
        minutes[clock.now_ns() // MINUTE_NS] += 1
        return web.json_response([])

    async with patient(handle, clock) as calls:
        for _ in range(200):
            await calls.ask("/x", [], weight=4)

    assert {25} == set(minutes.values())
    assert 8 == len(minutes)


async def test_weight_that_others_used_counts() -> None:
    """The venue's own count is obeyed: an agent at the same address is left its share."""
    clock = ManualClock(MINUTE_NS // 2)

    async def handle(_request: web.Request) -> web.Response:
        return web.json_response([], headers={"X-MBX-USED-WEIGHT-1M": "99"})

    async with patient(handle, clock) as calls:
        await calls.ask("/x", [], weight=4)
        assert clock.now_ns() < MINUTE_NS
        await calls.ask("/x", [], weight=4)

    assert clock.now_ns() > MINUTE_NS


@pytest.mark.parametrize("status", [418, 429])
async def test_retry_after_is_obeyed_to_the_second(status: int) -> None:
    """Nothing is asked before the time is over, and then once."""
    clock = ManualClock()
    asked: list[int] = []

    async def handle(_request: web.Request) -> web.Response:
        asked.append(clock.now_ns())
        if len(asked) == 1:
            return web.Response(status=status, headers={"Retry-After": "77"})
        return web.json_response([1])

    async with patient(handle, clock) as calls:
        assert [1] == await calls.ask("/x", [], weight=4)

    assert 2 == len(asked)
    assert 0 <= asked[1] - asked[0] - 77 * 10**9 < 10**9


@pytest.mark.parametrize("status", [429, 503])
async def test_what_never_ends_is_given_up(status: int) -> None:
    """Twelve tries, each later than the one before, then the reason is raised."""
    clock = ManualClock()
    asked: list[int] = []

    async def handle(_request: web.Request) -> web.Response:
        asked.append(clock.now_ns())
        return web.Response(status=status, headers={"Retry-After": "1"})

    async with patient(handle, clock) as calls:
        with pytest.raises((VenueRefusedError, VenueUnknownError), match=str(status)):
            await calls.ask("/x", [], weight=4)

    assert 12 == len(asked) == calls.requests
    assert sorted(set(asked)) == asked


async def test_a_refusal_is_not_asked_again() -> None:
    """An unknown symbol stays unknown."""
    clock, asked = ManualClock(), []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)

    async with patient(handle, clock) as calls:
        with pytest.raises(VenueRefusedError, match="-1121"):
            await calls.ask("/x", [], weight=4)

    assert ["/x"] == asked


async def test_an_address_at_which_nobody_listens_is_given_up_after_fifteen_seconds() -> None:
    """More tries come than one, each later than the one before, and the reason is raised."""
    clock = ManualClock()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.advance(int(seconds * 10**9) + 1)

    async with HttpTransport(timeout_s=2) as transport:
        calls = PatientCalls(
            BinanceCalls(transport, clock, rest_url="http://127.0.0.1:9"), jitter=lambda: 0.5, sleep=sleep
        )
        with pytest.raises(VenueUnknownError, match="ClientConnectorError"):
            await calls.ask("/x", [], weight=4)

    assert [0.375, 0.75, 1.5, 3.0, 6.0] == waits[:5]
    assert 15 == pytest.approx(sum(waits))
    assert len(waits) + 1 == calls.requests
