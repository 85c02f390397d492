"""Markets that close, open or get other rules during a session are told, soon and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import web
from attrs import evolve

from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_watch import BinanceMarketWatch
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS
from meva_core.events import MarketRulesChanged, MarketStatusChanged, OrderRejected
from tests.integration.exchange.binance_case import calls_of, is_ours, order, server
from tests.integration.exchange.heard import Heard, followed

MARKETS = [listed.instrument for listed in DEFAULT_MARKETS[:2]]


@asynccontextmanager
async def watched(*, every_s: float = 0.05) -> AsyncIterator[tuple[VenueServer, Heard, BinanceExchange]]:
    """Watch two markets of a venue and be able to trade there."""
    async with VenueServer() as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        watch = BinanceMarketWatch(calls, MARKETS, every_s=every_s, pause_s=0.01)
        async with followed(watch) as heard:
            yield venue, heard, BinanceExchange(calls, symbols=["BTC/USDT"], owns=is_ours)


async def looked(venue: VenueServer) -> None:
    """Wait until the watch has asked for the first time."""
    async with asyncio.timeout(5):
        while not venue.exchange.weights("127.0.0.1").used(venue.exchange.now_ms()):  # noqa: ASYNC110 - nobody tells.
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


def told(heard: Heard) -> list[tuple[str, bool]]:
    """Return what was said of which market."""
    return [(e.symbol, e.tradable) for e in heard.events if isinstance(e, MarketStatusChanged)]


async def test_a_halt_and_its_end_are_told_once() -> None:
    """Open markets are no news; a halt is, with the venue's word for it, and so is the opening."""
    async with watched() as (venue, heard, _exchange):
        venue.strike(Fault(kind=FaultKind.HALT, symbol="ETHUSDT", message="CANCEL_ONLY"))
        await heard.until(lambda: len(heard.events) == 1)
        venue.reset()
        await heard.until(lambda: len(heard.events) == 2)

    assert [("ETH/USDT", False), ("ETH/USDT", True)] == told(heard)
    [halted, _] = heard.events
    assert isinstance(halted, MarketStatusChanged)
    assert "CANCEL_ONLY" in halted.reason


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("tick_size", "0.10"),
        ("step_size", "0.001"),
        ("min_quantity", "0.1"),
        ("min_notional", "50"),
        ("max_quantity", "1"),
        ("max_notional", "100"),
    ],
)
async def test_other_rules_are_told_and_so_are_the_old_ones(rule: str, value: str) -> None:
    """Each change is told once, with the venue's rules as they are now."""
    async with watched() as (venue, heard, _exchange):
        await looked(venue)
        venue.strike(Fault(kind=FaultKind.FILTERS, symbol="BTCUSDT", filters={rule: value}))
        await heard.until(lambda: len(heard.events) == 1)
        venue.reset()
        await heard.until(lambda: len(heard.events) == 2)

    changed, back = heard.events
    assert isinstance(changed, MarketRulesChanged)
    assert isinstance(back, MarketRulesChanged)
    assert Decimal(value) == getattr(changed.instrument, rule.replace("step", "lot"))
    assert MARKETS[0] == back.instrument


async def test_rules_that_are_not_the_configured_ones_are_told_at_the_first_look() -> None:
    """What changed while nobody looked is no less a change; largest sizes need not be configured."""
    other = evolve(MARKETS[0], min_notional=Decimal(1))
    silent = evolve(MARKETS[1], max_quantity=None, max_notional=None, min_quantity=Decimal(0))
    async with VenueServer() as venue, HttpTransport() as transport:
        watch = BinanceMarketWatch(
            calls_of(transport, venue.url), [other, silent], every_s=0.05, pause_s=0.01
        )
        async with followed(watch) as heard:
            await heard.until(lambda: len(heard.events) == 1)
            await asyncio.sleep(0.3)

    [changed] = heard.events
    assert isinstance(changed, MarketRulesChanged)
    assert MARKETS[0] == changed.instrument


@pytest.mark.parametrize(
    ("fault", "code", "news"),
    [
        (Fault(kind=FaultKind.HALT, symbol="BTCUSDT"), "-2010", MarketStatusChanged),
        (
            Fault(kind=FaultKind.FILTERS, symbol="BTCUSDT", filters={"min_notional": "5000"}),
            "-1013",
            MarketRulesChanged,
        ),
    ],
)
async def test_a_refused_order_makes_it_look_at_once(fault: Fault, code: str, news: type) -> None:
    """Although the next look were an hour away, the refusal's reason is known right after it."""
    async with watched(every_s=3600) as (venue, heard, exchange):
        await looked(venue)
        venue.strike(fault)
        [refused] = await exchange.place(order("ours1"))
        await heard.until(lambda: len(heard.events) == 1)

    assert isinstance(refused, OrderRejected)
    assert code == refused.code
    assert [news] == [type(event) for event in heard.events]


async def test_a_market_that_is_no_longer_listed_is_closed_and_the_others_are_not() -> None:
    """The venue refuses the question as a whole; each market is then asked for alone."""
    async with watched() as (venue, heard, _exchange):
        del venue.exchange.markets["ETHUSDT"]
        await heard.until(lambda: len(heard.events) == 1)

    assert [("ETH/USDT", False)] == told(heard)


async def test_a_venue_that_answers_nonsense_changes_nothing() -> None:
    """What was said last holds; the failure is counted, and the next good answer is taken."""
    answers = iter(["{", "[]", '{"symbols":1}', '{"symbols":[{"symbol":"BTCUSDT"}]}'])

    async def handle(_request: web.Request) -> web.Response:
        text = next(answers, None)
        return web.Response(status=200 if text else 503, text=text)

    async with server(handle) as url, HttpTransport() as transport:
        calls = calls_of(transport, url)
        async with followed(BinanceMarketWatch(calls, MARKETS[:1], every_s=0.01, pause_s=0.01)) as heard:
            await heard.until(lambda: len(heard.events) == 1)

    [event] = heard.events
    assert isinstance(event, MarketStatusChanged)
    assert "cannot be read" in event.reason
    assert 3 == calls.anomalies["no_rules"]
