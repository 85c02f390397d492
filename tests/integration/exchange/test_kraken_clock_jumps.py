"""However the machine's clock is set, no proof comes early at Kraken and no question is held back for long."""

from __future__ import annotations

from aiohttp import web

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.nonces import MemoryNonces
from meva_adapters.exchange.kraken.signer import KrakenSigner
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.kraken.settings import KRAKEN_SECRET
from meva_core.commands import ObserveVenue, QueryOrder
from meva_core.events import OrderQueryAnswered, VenueStateObserved
from meva_core.model.market import NS_PER_SECOND
from tests.integration.exchange.binance_case import is_ours, server
from tests.integration.exchange.kraken_case import pairs

START_NS = 1_700_000_000 * NS_PER_SECOND
HOUR_NS = 3_600 * NS_PER_SECOND


async def answer(request: web.Request) -> web.Response:
    """Be a Kraken that holds nothing, at the time of the start."""
    results = {
        "Time": {"unixtime": START_NS // NS_PER_SECOND},
        "OpenOrders": {"open": {}},
        "ClosedOrders": {"closed": {}},
        "TradesHistory": {"trades": {}, "count": 0},
        "BalanceEx": {},
    }
    return web.json_response({"error": [], "result": results[request.path.rpartition("/")[2]]})


def calls_of(transport: HttpTransport, url: str, clock: ManualClock) -> KrakenCalls:
    """Return calls of the lowest tier by *clock*."""
    signer = KrakenSigner(KRAKEN_SECRET)
    nonces = MemoryNonces(clock)
    return KrakenCalls(transport, clock, rest_url=url, api_key="k", signer=signer, nonces=nonces)


async def test_an_hour_that_only_our_clock_has_passed_proves_nothing() -> None:
    """The time that the venue's silence counts from is one that it has reached, though our clock jumped ahead."""
    clock = ManualClock(START_NS)
    async with server(answer) as url, HttpTransport() as transport:
        calls = calls_of(transport, url, clock)
        exchange = KrakenExchange(calls, pairs=pairs(), owns=is_ours)
        await calls.measure_clock()
        clock.advance(NS_PER_SECOND)
        clock.step(clock.now_ns() + HOUR_NS)
        [found] = await exchange.query(QueryOrder("BTC/USD", "ours-1", ""))
        [state] = await exchange.observe(ObserveVenue("test", ()))

    assert isinstance(found, OrderQueryAnswered)
    assert isinstance(state, VenueStateObserved)
    assert found.order is None
    assert START_NS + NS_PER_SECOND == found.venue_time_ns == state.venue_time_ns


async def test_a_clock_that_was_wrong_for_a_while_holds_no_question_back() -> None:
    """The counter falls with the time that passes, whatever the clock on the wall says meanwhile."""
    clock = ManualClock(START_NS)
    async with server(answer) as url, HttpTransport() as transport:
        exchange = KrakenExchange(calls_of(transport, url, clock), pairs=pairs(), owns=is_ours)
        clock.step(START_NS + HOUR_NS)
        told = [type(event) for _ in range(3) for event in await exchange.observe(ObserveVenue("test", ()))]
        clock.step(START_NS)
        clock.advance(60 * NS_PER_SECOND)
        [state] = await exchange.observe(ObserveVenue("test", ()))

    assert [VenueStateObserved] * 3 == told
    assert isinstance(state, VenueStateObserved), state
