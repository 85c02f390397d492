"""However the machine's clock is set, no proof comes early and nothing is held back for longer than a venue asks."""

from __future__ import annotations

from aiohttp import web

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.rate_budget import RateBudget
from meva_core.commands import ObserveVenue, QueryOrder
from meva_core.events import OrderQueryAnswered, VenueStateObserved
from meva_core.model.market import NS_PER_SECOND
from tests.integration.exchange.binance_case import server

MINUTE_NS = 60 * NS_PER_SECOND
HOUR_NS = 60 * MINUTE_NS


async def test_an_hour_that_only_our_clock_has_passed_proves_nothing() -> None:
    """The time that a venue's silence counts from is one that the venue has reached, though our clock jumped ahead."""
    start_ns = 1_700_000_000 * NS_PER_SECOND
    clock = ManualClock(start_ns)

    async def answer(request: web.Request) -> web.Response:
        match request.path:
            case "/api/v3/time":
                return web.json_response({"serverTime": start_ns // 1_000_000})
            case "/api/v3/order":
                return web.json_response({"code": -2013, "msg": "Order does not exist."}, status=400)
            case "/api/v3/account":
                return web.json_response({"balances": []})
            case _:
                return web.json_response([])

    async with server(answer) as url, HttpTransport() as transport:
        calls = BinanceCalls(transport, clock, rest_url=url, api_key="k", signer=HmacSigner("s"))
        exchange = BinanceExchange(calls, symbols=["BTC/USDT"], owns=lambda _: True)
        await calls.measure_clock()
        clock.advance(NS_PER_SECOND)
        clock.step(clock.now_ns() + HOUR_NS)
        [found] = await exchange.query(QueryOrder("BTC/USDT", "ours-1", "7"))
        [state] = await exchange.observe(ObserveVenue("test", ()))

    assert isinstance(found, OrderQueryAnswered)
    assert isinstance(state, VenueStateObserved)
    assert found.order is None
    assert start_ns + NS_PER_SECOND == found.venue_time_ns == state.venue_time_ns


def test_a_clock_that_was_wrong_for_a_while_holds_nothing_back_afterwards() -> None:
    """What was counted in a minute that has not come yet does not fill the minutes before it."""
    budget = RateBudget(limit=10, reserve=2, window_ns=MINUTE_NS)
    budget.take(8, 100 * MINUTE_NS)
    held_back = budget.take(1, 100 * MINUTE_NS)

    assert held_back
    assert "" == budget.take(8, 40 * MINUTE_NS)
    assert budget.take(1, 40 * MINUTE_NS)


def test_a_minute_that_begins_twice_is_counted_once() -> None:
    """A correction of some milliseconds at the turn of a minute gives nobody a second budget."""
    budget = RateBudget(limit=10, reserve=2, window_ns=MINUTE_NS)
    budget.take(8, 100 * MINUTE_NS)

    assert budget.take(1, 100 * MINUTE_NS - 1)
    assert budget.take(1, 100 * MINUTE_NS + 1)
