"""At Kraken, cancels and the dead-man switch wait for no question, and a second at most for an order (I14, K1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.transport.http import LAST_LOOK
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_core.commands import CancelAllOrders, ObserveVenue, QueryOrder
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    RequestFailed,
    VenueStateObserved,
)
from tests.integration.exchange.kraken_case import ROOMY, adapter, order

HUNG_MS = 5_000
ALL = CancelAllOrders(None, "enough")
AT_ONCE_S = 0.5


@asynccontextmanager
async def resting(*names: str, timeout_s: float = 2.0) -> AsyncIterator[tuple[KrakenServer, KrakenExchange]]:
    """Return a venue where orders of these names rest, and the adapter that placed them."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url, timeout_s=timeout_s) as exchange:
        for name in names:
            [placed] = await exchange.place(order(name))
            assert isinstance(placed, OrderAcknowledged), placed
        yield venue, exchange


def hang(venue: KrakenServer, call: str, times: int, kind: FaultKind = FaultKind.DELAY_BEFORE) -> None:
    """Have the venue answer *call* too late, so many times."""
    venue.strike(Fault(kind=kind, call=call, times=times, milliseconds=HUNG_MS))


async def query(exchange: KrakenExchange, name: str) -> Event:
    """Ask for one order."""
    [event] = await exchange.query(QueryOrder("BTC/USD", name))
    return event


async def cancelled(exchange: KrakenExchange) -> tuple[list[type[Event]], float]:
    """Cancel all, and return what that led to and how long it took."""
    began = time.monotonic()
    events = await exchange.cancel_all(ALL)
    return [type(event) for event in events], time.monotonic() - began


async def test_a_cancel_all_waits_for_no_hung_question_and_its_orders_are_gone() -> None:
    """Two questions hang, one of them on its way: all is cancelled at once, and both end without an answer."""
    async with resting("ours1", "ours2") as (venue, exchange):
        hang(venue, "QueryOrders", times=4)
        questions = [asyncio.create_task(query(exchange, name)) for name in ("ours1", "ours2")]
        await asyncio.sleep(0.1)
        events, took_s = await cancelled(exchange)
        waiting = [question.done() for question in questions]
        answers = await asyncio.gather(*questions)
        still_works = await exchange.cancel_all(ALL)

    assert ([OrderCanceled, OrderCanceled], [False, False]) == (events, waiting)
    assert took_s < AT_ONCE_S
    assert [RequestFailed, RequestFailed] == [type(answer) for answer in answers]
    assert [] == still_works


async def test_a_lost_list_of_orders_is_asked_for_again_before_all_is_cancelled() -> None:
    """An answer that comes too late, and one whose connection is cut: the orders are gone long before ten seconds."""
    for kind, soon_s in ((FaultKind.DELAY_AFTER, 2.5), (FaultKind.LOST_AFTER, AT_ONCE_S)):
        async with resting("ours1", "ours2", timeout_s=10.0) as (venue, exchange):
            hang(venue, "OpenOrders", times=1, kind=kind)
            events, took_s = await cancelled(exchange)
            [left] = await exchange.observe(ObserveVenue("after", ()))

        assert [OrderCanceled, OrderCanceled] == events, kind
        assert isinstance(left, VenueStateObserved)
        assert () == left.open_orders, kind
        assert took_s < soon_s, kind


async def test_a_list_that_is_never_told_fails_in_time_for_another_try() -> None:
    """Three questions, the last as patient as any: that all is cancelled is never assumed."""
    async with resting("ours1") as (venue, exchange):
        hang(venue, "OpenOrders", times=9)
        events, took_s = await cancelled(exchange)
        [fault] = venue.exchange.faults.waiting

    assert [RequestFailed] == events
    assert 6 == fault.times
    assert took_s < 7


async def test_a_list_that_is_a_server_error_is_no_lost_answer() -> None:
    """It is asked for once: whoever cancels all comes again, with something left of the budget."""
    async with resting("ours1") as (venue, exchange):
        venue.strike(Fault(kind=FaultKind.STATUS, call="OpenOrders", times=3, status=502))
        events, _ = await cancelled(exchange)
        [fault] = venue.exchange.faults.waiting

    assert [RequestFailed] == events
    assert 2 == fault.times


async def test_a_question_that_is_given_up_is_asked_once_more() -> None:
    """The first asking hangs and is given up for the switch, the second is answered; given up twice, it has failed."""
    async with resting("ours1") as (venue, exchange):
        hang(venue, "QueryOrders", times=1)
        once = asyncio.create_task(query(exchange, "ours1"))
        await asyncio.sleep(0.1)
        await asyncio.wait_for(exchange.arm_dead_man_switch(60), AT_ONCE_S)
        answered = await asyncio.wait_for(once, AT_ONCE_S)
        hang(venue, "QueryOrders", times=2)
        twice = asyncio.create_task(query(exchange, "ours1"))
        for _ in range(2):
            await asyncio.sleep(0.1)
            await asyncio.wait_for(exchange.arm_dead_man_switch(60), AT_ONCE_S)
        failed = await asyncio.wait_for(twice, AT_ONCE_S)

    assert isinstance(answered, OrderQueryAnswered)
    assert isinstance(failed, RequestFailed)
    assert "given up for urgent calls" in failed.problem


async def test_an_order_on_its_way_is_waited_for_a_second_and_never_given_up() -> None:
    """Its answer hangs: after the second all is cancelled, this order too, and its own outcome is still told."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url, timeout_s=10) as exchange:
        hang(venue, "AddOrder", times=1, kind=FaultKind.DELAY_AFTER)
        placing = asyncio.create_task(exchange.place(order("ours1")))
        await asyncio.sleep(0.1)
        events, took_s = await cancelled(exchange)
        placed = await placing

    assert [OrderCanceled] == events
    assert 0.8 < took_s < 1 + AT_ONCE_S
    assert [OrderAcknowledged] == [type(event) for event in placed]


async def test_an_order_that_waits_for_its_leave_keeps_no_cancel_waiting() -> None:
    """What has not left comes again with a higher nonce, once it may leave: a disk that hangs delays no cancel."""
    durable = asyncio.Event()

    async def look() -> str:
        await durable.wait()
        return ""

    async def place() -> list[Event]:
        LAST_LOOK.set(look)
        return list(await exchange.place(order("ours2")))

    async with resting("ours1") as (_, exchange):
        placing = asyncio.create_task(place())
        await asyncio.sleep(0.1)
        events, took_s = await cancelled(exchange)
        durable.set()
        placed = await placing

    assert [OrderCanceled] == events
    assert took_s < AT_ONCE_S
    assert [OrderAcknowledged] == [type(event) for event in placed]


async def test_a_hung_cancel_keeps_no_other_order_open() -> None:
    """The first cancel is not answered: the others leave a second later, long before its time is over."""
    async with resting("ours1", "ours2", "ours3") as (venue, exchange):
        hang(venue, "CancelOrder", times=1)
        cancelling = asyncio.create_task(exchange.cancel_all(ALL))
        await asyncio.sleep(1 + AT_ONCE_S)
        async with adapter(venue.url) as other:
            [state] = await other.observe(ObserveVenue("test"))
        events = await cancelling

    assert isinstance(state, VenueStateObserved)
    assert 1 == len(state.open_orders)
    assert [OrderCanceled, OrderCanceled, RequestFailed] == sorted(
        map(type, events), key=lambda kind: kind.__name__
    )


async def test_a_nonce_that_is_refused_to_an_overtaken_order_proves_nothing() -> None:
    """A venue answers an order that was overtaken with a nonce's refusal: its outcome is unknown, not a rejection."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("AddOrder"):
            await asyncio.sleep(1.3)
            return web.json_response({"error": ["EAPI:Invalid nonce"]})
        return web.json_response({"error": [], "result": {"open": {}}})

    app = web.Application()
    app.router.add_post("/0/private/{name}", answer)
    async with TestServer(app) as server, adapter(str(server.make_url(""))) as exchange:
        [alone] = await exchange.place(order("ours1"))
        placing = asyncio.create_task(exchange.place(order("ours2")))
        await asyncio.sleep(0.1)
        await exchange.cancel_all(ALL)
        [overtaken] = await placing

    assert "EAPI:Invalid nonce" == getattr(alone, "code", "")
    assert isinstance(overtaken, OrderOutcomeUnknown)
