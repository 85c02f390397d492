"""However much nonsense a venue sends, few events say so, and none is lost."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from meva_adapters.clock.manual import ManualClock
from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.exchange.kraken.user_stream import KrakenUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_core.events import StreamConnected, TradeReceived, VenueAnomalyDetected
from meva_runners.trading.venue_anomalies import VenueAnomalies
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.kraken_case import ROOMY, calls_of, pairs

MINUTE_NS = 60 * 10**9


def told(heard: Heard) -> list[tuple[str, str, int]]:
    """Return kind, detail and number of every anomaly that was delivered."""
    return [(e.kind, e.detail, e.count) for e in heard.events if isinstance(e, VenueAnomalyDetected)]


async def test_a_flood_is_one_event_per_minute_and_kind() -> None:
    """The first comes at once, the others with their number when a minute is over; another kind comes at once."""
    clock = ManualClock(MINUTE_NS)
    anomalies = VenueAnomalies(clock)
    async with followed(anomalies) as heard:
        await asyncio.sleep(0)
        for number in range(1_000):
            anomalies.note("malformed_frame", str(number))
        anomalies.note("unknown_frame", "news")
        first = told(heard)
        clock.advance(MINUTE_NS)
        anomalies.note("malformed_frame", "late")

    assert [("malformed_frame", "0", 1), ("unknown_frame", "news", 1)] == first
    assert [("malformed_frame", "late", 1_000)] == told(heard)[2:]


async def test_what_was_noted_before_the_agent_ran_is_delivered_when_it_does() -> None:
    """A preflight may meet the first of them."""
    anomalies = VenueAnomalies(SystemClock())
    anomalies.note("malformed_answer", "early")
    anomalies.note("malformed_answer", "early too")

    async with followed(anomalies) as heard:
        await heard.until(lambda: bool(told(heard)))

    assert [("malformed_answer", "early too", 2)] == told(heard)


@pytest.mark.parametrize("kind", ["no_rules", "no_snapshot", "no_token"])
async def test_a_question_without_an_answer_is_told_when_it_lasts(kind: str) -> None:
    """It is asked again, so nine are the network's doing, and the tenth is worth a person's look."""
    anomalies = VenueAnomalies(SystemClock())
    async with followed(anomalies) as heard:
        await asyncio.sleep(0)
        for number in range(9):
            anomalies.note(kind, str(number))
        before = told(heard)
        anomalies.note(kind, "the tenth")

    assert [] == before
    assert [(kind, "the tenth", 10)] == told(heard)


async def test_nonsense_on_the_sockets_of_kraken_becomes_events() -> None:
    """An unknown channel on both sockets, and a frame that is no JSON: each is told once, and trades go on."""
    anomalies = VenueAnomalies(SystemClock())
    settings = evolve(ROOMY, trades_per_second=50)
    async with KrakenServer(settings) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url, on_anomaly=anomalies.note)
        market = KrakenMarketStream(
            calls, transport, stream_url=venue.public_ws_url, pairs=pairs()[:1], jitter=lambda: 0.0
        )
        user = KrakenUserStream(calls, transport, stream_url=venue.private_ws_url, jitter=lambda: 0.0)
        async with followed(anomalies) as heard, followed(market) as prices, followed(user) as orders:
            await prices.until(lambda: prices.count(StreamConnected) == 1)
            await orders.until(lambda: orders.count(StreamConnected) == 1)
            for _ in range(3):
                for text in ('{"channel":"news","data":[]}', "{"):
                    venue.strike(Fault(kind=FaultKind.FRAME, message=text))
            await heard.until(lambda: len(told(heard)) == 3)
            before = prices.count(TradeReceived)
            await prices.until(lambda: prices.count(TradeReceived) > before + 3)

    assert ["malformed_frame", "malformed_user_event", "unknown_channel"] == sorted(
        kind for kind, _, _ in told(heard)
    )
