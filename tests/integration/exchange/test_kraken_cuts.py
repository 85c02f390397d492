"""However often its streams are cut, an account at Kraken misses no trade, books none twice, and is back soon."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.order_costs import OrderCosts
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_core.commands import ObserveVenue
from meva_core.events import OrderFilled, StreamConnected, StreamLost, VenueStateObserved
from meva_core.model.fill import Fill
from tests.integration.exchange.binance_case import is_ours
from tests.integration.exchange.heard import followed
from tests.integration.exchange.kraken_case import ROOMY, calls_of, order, pairs

_HURRY = 1_000


class HurriedClock(SystemClock):
    """Let time pass a thousand times as fast: a connection of some milliseconds counts as one that lasted."""

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() * _HURRY


async def survived(cuts: int) -> float:
    """Cut both streams *cuts* times, trading meanwhile; return the longest time until both were back, in seconds."""
    loop, longest_s = asyncio.get_running_loop(), 0.0
    settings = evolve(ROOMY, weight_limit=1_000_000, trades_per_second=20)
    async with KrakenServer(settings) as venue, HttpTransport() as transport:
        calls = calls_of(
            transport, venue.url, budget=DecayingBudget(limit=10**6, reserve=3, decay_milli=1_000)
        )
        calls.clock = HurriedClock()
        exchange = KrakenExchange(calls, pairs=pairs(), owns=is_ours, costs=OrderCosts(threshold=10_000_000))
        user = KrakenUserStream(
            calls, transport, stream_url=venue.private_ws_url, jitter=lambda: 0.0, trades=exchange.trades
        )
        market = KrakenMarketStream(
            calls, transport, stream_url=venue.public_ws_url, pairs=pairs()[:1], jitter=lambda: 0.0, depth=10
        )
        seen: dict[str, list[Fill]] = {}
        last = ""
        async with followed(user) as account, followed(market) as prices:
            for number in range(cuts + 1):
                for heard in (account, prices):
                    await heard.until(lambda heard=heard, up=number + 1: heard.count(StreamConnected) == up)
                [state] = await exchange.observe(ObserveVenue("connected", (("BTC/USD", last),)))
                assert isinstance(state, VenueStateObserved), state
                for fill in state.fills:
                    seen.setdefault(fill.trade_id, []).append(fill)
                    last = fill.trade_id
                await exchange.place(order(f"ours{number}a", price=None, quantity="0.0001"))
                if number == cuts:
                    break
                began = loop.time()
                venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
                await exchange.place(order(f"ours{number}b", price=None, quantity="0.0001"))
                for heard in (account, prices):
                    await heard.until(lambda heard=heard, up=number + 2: heard.count(StreamConnected) == up)
                longest_s = max(longest_s, loop.time() - began)
            [state] = await exchange.observe(ObserveVenue("end", (("BTC/USD", last),)))
            assert isinstance(state, VenueStateObserved), state
            for fill in state.fills:
                seen.setdefault(fill.trade_id, []).append(fill)
            trades = venue.exchange.accounts["meva-key"].trades
            streamed = [event.fill for event in account.events if isinstance(event, OrderFilled)]

    assert cuts == account.count(StreamLost) == prices.count(StreamLost)
    assert len(trades) == len(seen) >= 2 * cuts + 1
    assert {1} == {len(fills) for fills in seen.values()}
    assert len({fill.trade_id for fill in streamed}) == len(streamed)
    assert all([fill] == seen[fill.trade_id] for fill in streamed)
    return longest_s


async def test_ten_cuts_lose_nothing_and_are_mended_within_two_seconds() -> None:
    """Trades before, during and after each cut are known once, alike by stream and by comparison."""
    assert await survived(10) < 2


@pytest.mark.prove
async def test_a_thousand_cuts_lose_nothing_and_are_mended_within_two_seconds() -> None:
    """A thousand cuts of both streams, some two thousand trades: each known once."""
    longest_s = await survived(1_000)

    print(f"longest time until both streams were back: {longest_s:.2f} s")
    assert longest_s < 2
