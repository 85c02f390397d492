"""An operator sees how much of each of a venue's budgets is used, and how fast the venue answers."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from aiohttp import web

from meva_adapters.clock.system import SystemClock
from meva_adapters.transport.call_times import CALLS_KEPT, CallTimes
from meva_adapters.transport.http import LAST_LOOK, HttpTransport, NoAnswerError, NotSentError
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SECRET
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_MARKETS, DEFAULT_SECRET
from meva_core.config.schema import AppConfig, ExchangeConfig, InstrumentConfig
from meva_core.events import OrderAcknowledged
from meva_core.model.market import NS_PER_MS
from meva_core.ports.controls import BudgetView, CallsView
from meva_runners.venues.registry import VENUES
from meva_runners.venues.venue import Account, Right
from tests.integration.exchange.binance_case import server
from tests.integration.exchange.kraken_case import order


def ms(text: str) -> Decimal:
    """Return milliseconds as they are shown."""
    return Decimal(text)


def test_median_and_percentile_are_of_the_last_calls() -> None:
    """Older ones are forgotten; silence is counted, and is no duration."""
    now_ns = 0
    times = CallTimes(lambda: now_ns)
    fresh = times.view()
    for number in range(CALLS_KEPT + 50):
        now_ns = number * 10**9
        times.note(now_ns - (1_000 if number < 50 else number - 49) * NS_PER_MS)
    for _ in range(2):
        times.note_silence()
    now_ns += 3 * 10**9

    assert CallsView(0, 0, Decimal(0), Decimal(0), -1) == fresh
    assert CallsView(CALLS_KEPT, 2, ms("102.0"), ms("199.0"), 3_000) == times.view()


async def test_the_wait_for_leave_is_no_latency_of_the_venue() -> None:
    """An order waits for its journal before its first byte: that says nothing about the venue."""

    async def leave() -> str:
        await asyncio.sleep(0.3)
        return ""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    async with server(answer) as url, HttpTransport() as transport:
        LAST_LOOK.set(leave)
        await transport.send("POST", f"{url}/order")
        view = transport.times.view()

    assert 1 == view.calls
    assert ms("0") < view.p99_ms < ms("250")


async def test_silence_counts_and_what_never_left_does_not() -> None:
    """A venue that hangs up has not answered; one that was not reached was not asked."""

    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with server(hang_up) as url, HttpTransport() as transport:
        with pytest.raises(NoAnswerError):
            await transport.send("GET", url)
        with pytest.raises(NotSentError):
            await transport.send("GET", "http://127.0.0.1:1/")
        view = transport.times.view()

    assert CallsView(1, 1, Decimal(0), Decimal(0), -1) == view


def settings(name: str, url: str) -> AppConfig:
    """Return the settings of an account at the venue *name* at *url*."""
    listed = KRAKEN_MARKETS if name == "kraken" else DEFAULT_MARKETS
    markets = tuple(
        InstrumentConfig(
            symbol=each.instrument.symbol,
            tick_size=each.instrument.tick_size,
            lot_size=each.instrument.lot_size,
            min_quantity=each.instrument.min_quantity,
            min_notional=each.instrument.min_notional,
        )
        for each in listed
    )
    exchange = ExchangeConfig(venue=name, rest_url=url, instruments=markets, tier="pro")
    return AppConfig(exchange=exchange)


async def test_binance_tells_its_weight() -> None:
    """As the venue counts it; while it holds everything back, for how long."""
    async with VenueServer() as venue, HttpTransport() as transport:
        account = Account(rest_url=venue.url, stream_url="", api_key=DEFAULT_KEY, api_secret=DEFAULT_SECRET)
        connecting = VENUES["binance"].connect(
            settings("binance", venue.url), account, Right.TRADE, transport=transport, clock=SystemClock()
        )
        with connecting as connection:
            before = connection.use()
            await connection.reference.measure_clock()
            after = connection.use()

    assert [BudgetView("request weight a minute", 0, 6_000, 400, 0)] == list(before.budgets)
    assert 0 < after.budgets[0].used < 100
    assert (1, 0) == (after.calls.calls, after.calls.unanswered)
    assert "binance" == after.name


async def test_kraken_tells_the_counter_of_its_key_and_of_each_pair_that_was_traded() -> None:
    """The limits are those of the account's tier."""
    async with KrakenServer() as venue, HttpTransport() as transport:
        account = Account(rest_url=venue.url, stream_url="", api_key=DEFAULT_KEY, api_secret=KRAKEN_SECRET)
        connecting = VENUES["kraken"].connect(
            settings("kraken", venue.url), account, Right.TRADE, transport=transport, clock=SystemClock()
        )
        with connecting as connection:
            trading = await connection.trading()
            await connection.account.balances()
            before = connection.use()
            [outcome, *_] = await trading.exchange.place(order("o-1"))
            after = connection.use()

    assert isinstance(outcome, OrderAcknowledged)
    assert [("request counter", 20, 3)] == [(each.name, each.limit, each.reserve) for each in before.budgets]
    assert 0 < before.budgets[0].used <= 20
    assert [("engine counter BTC/USD", 1, 180)] == [
        (each.name, each.used, each.limit) for each in after.budgets[1:]
    ]
