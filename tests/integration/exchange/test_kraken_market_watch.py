"""Markets at Kraken that close, open or get other rules during a session are told, soon and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import web
from attrs import evolve

from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.market_watch import KrakenMarketWatch
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_core.events import MarketRulesChanged, MarketStatusChanged, OrderRejected, StreamConnected
from tests.integration.exchange.binance_case import is_ours, server
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.kraken_case import ROOMY, calls_of, order, pairs

SYMBOLS = ["BTC/USD", "ETH/USD"]
MARKETS = [pair.instrument for pair in pairs()[:2]]
NOBODY = evolve(MARKETS[0], symbol="NO/SUCH")


class Watched:
    """Hold a venue, what is told of its markets, and how to trade there."""

    def __init__(self, venue: KrakenServer, heard: Heard, exchange: KrakenExchange) -> None:
        self.venue = venue
        self.heard = heard
        self.exchange = exchange

    async def told(self, count: int) -> list[tuple[str, bool]]:
        """Wait for so many changes of state, and return them."""
        await self.heard.until(lambda: self.heard.count(MarketStatusChanged) >= count)
        return [(e.symbol, e.tradable) for e in self.heard.events if isinstance(e, MarketStatusChanged)]


@asynccontextmanager
async def watched(*, every_s: float = 0.05) -> AsyncIterator[Watched]:
    """Watch two markets of a venue, and follow its market stream as an agent does."""
    async with KrakenServer(ROOMY) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        watch = KrakenMarketWatch(calls, MARKETS, every_s=every_s, pause_s=0.01)
        stream = KrakenMarketStream(
            calls, transport, stream_url=venue.public_ws_url, pairs=pairs()[:2], jitter=lambda: 0.0
        )
        async with followed(watch) as heard, followed(stream) as market:
            await market.until(lambda: market.count(StreamConnected) == 1)
            await asyncio.sleep(0.1)
            yield Watched(venue, heard, KrakenExchange(calls, pairs=pairs(), owns=is_ours))


async def test_a_halt_and_its_end_are_told_once() -> None:
    """Open markets are no news; a halt is, with the venue's word for it, and so is the opening."""
    async with watched() as case:
        case.venue.strike(Fault(kind=FaultKind.HALT, symbol="ETHUSD"))
        await case.told(1)
        case.venue.reset()
        told = await case.told(2)

    assert [("ETH/USD", False), ("ETH/USD", True)] == told
    [halted, *_] = case.heard.events
    assert isinstance(halted, MarketStatusChanged)
    assert "cancel_only" in halted.reason


async def test_maintenance_closes_every_market_although_the_next_look_is_an_hour_away() -> None:
    """The public stream says that the venue's state is another; the end of it is noticed in the same way."""
    async with watched(every_s=3_600) as case:
        case.venue.strike(Fault(kind=FaultKind.SHUTDOWN_EVENT))
        await case.told(2)
        case.venue.reset()
        told = await case.told(4)

    assert [(symbol, tradable) for tradable in (False, True) for symbol in SYMBOLS] == told


@pytest.mark.parametrize(
    ("rule", "value", "field"),
    [
        ("tick_size", "0.5", "tick_size"),
        ("min_quantity", "0.1", "min_quantity"),
        ("min_notional", "50", "min_notional"),
    ],
)
async def test_other_rules_are_told_with_their_numbers(rule: str, value: str, field: str) -> None:
    """The rules of the first look are no news; a change is told, and so is the way back."""
    async with watched() as case:
        case.venue.strike(Fault(kind=FaultKind.FILTERS, symbol="BTCUSD", filters={rule: value}))
        await case.heard.until(lambda: case.heard.count(MarketRulesChanged) == 1)
        case.venue.reset()
        await case.heard.until(lambda: case.heard.count(MarketRulesChanged) == 2)

    changed, back = (e.instrument for e in case.heard.events if isinstance(e, MarketRulesChanged))
    assert Decimal(value) == getattr(changed, field)
    assert pairs()[0].instrument == back


async def test_a_refused_order_makes_it_look_at_once() -> None:
    """Although the next look were an hour away, the refusal's reason is known right after it."""
    async with watched(every_s=3_600) as case:
        case.venue.strike(Fault(kind=FaultKind.HALT, symbol="BTCUSD"))
        [refused] = await case.exchange.place(order("ours1"))
        told = await case.told(1)

    assert isinstance(refused, OrderRejected)
    assert [("BTC/USD", False)] == told


async def test_a_market_that_is_not_listed_is_closed_and_the_others_are_not() -> None:
    """The venue refuses the question as a whole; each market is then asked for alone."""
    async with KrakenServer(ROOMY) as venue, HttpTransport() as transport:
        watch = KrakenMarketWatch(calls_of(transport, venue.url), [NOBODY, MARKETS[0]], pause_s=0.01)
        async with followed(watch) as heard:
            await heard.until(lambda: heard.count(MarketStatusChanged) == 1)
            await asyncio.sleep(0.1)

    assert [("NO/SUCH", False)] == [
        (e.symbol, e.tradable) for e in heard.events if isinstance(e, MarketStatusChanged)
    ]


async def test_a_venue_that_answers_nonsense_changes_nothing() -> None:
    """What was said last holds; each failure is counted."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text='{"error":[],"result":{"status":"online","XXBTZUSD":{"wsname":1}}}')

    async with server(handle) as url, HttpTransport() as transport:
        calls = calls_of(transport, url)
        async with followed(KrakenMarketWatch(calls, MARKETS[:1], every_s=0.01, pause_s=0.01)) as heard:
            async with asyncio.timeout(10):
                while calls.anomalies["no_rules"] < 3:  # noqa: ASYNC110 - nobody tells of an anomaly.
                    await asyncio.sleep(0.01)

    assert [] == heard.events
