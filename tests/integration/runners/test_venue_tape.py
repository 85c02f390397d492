"""A venue that is fed by recorded frames is the recorded market again, at the pace that was asked for."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.feed.frame_recorder import FrameRecorder
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS, VenueSettings
from meva_core.events import Event, MarketEvent, QuoteReceived, TradeReceived
from meva_runners.commands.venue_app import tape_events
from tests.contract.tape_files import events_of, tape_of
from tests.integration.exchange.binance_case import calls_of
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.test_binance_streams import compared

MARKETS = [listed.instrument for listed in DEFAULT_MARKETS[:2]]


def files_in(folder: Path) -> list[Path]:
    """Return the recordings, by symbol."""
    return sorted(folder.glob("*.gz"))


async def heard_from(venue: VenueServer, until: int, recorder: FrameRecorder | None = None) -> Heard:
    """Follow two markets of *venue* until so many trades came."""
    async with HttpTransport() as transport:
        stream = BinanceMarketStream(
            calls_of(transport, venue.url),
            transport,
            stream_url=venue.ws_url,
            instruments=MARKETS,
            jitter=lambda: 0.0,
            record=None if recorder is None else recorder.record,
        )
        async with followed(stream) as heard:
            await heard.until(lambda: heard.count(TradeReceived) >= until)
    return heard


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Record two markets of a made-up venue for a second or two."""
    folder = tmp_path_factory.mktemp("frames")

    async def record() -> None:
        symbols = [market.symbol for market in MARKETS]
        async with VenueServer(VenueSettings(trades_per_second=60)) as venue:
            with FrameRecorder(folder, symbols) as recorder:
                await heard_from(venue, 160, recorder)

    asyncio.run(record())
    return files_in(folder)


def market_of(path: Path) -> list[Event]:
    """Return what the market of a recording did."""
    return [event for event in events_of(tape_of(path, *MARKETS)) if isinstance(event, MarketEvent)]


def facts(events: list[Event], symbol: str) -> list[tuple[int, ...]]:
    """Return the trades and quotes of *symbol*, without our times."""
    found = []
    for event in events:
        if isinstance(event, TradeReceived) and event.symbol == symbol:
            found.append((event.trade_id, event.price_ticks, event.quantity_lots, event.taker_side.sign))
        elif isinstance(event, QuoteReceived) and event.symbol == symbol:
            found.append((event.update_id, event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots))
    return found


@pytest.mark.parametrize("speed", [2.0, 1_000.0])
async def test_a_recorded_market_is_the_same_market_again(recordings: list[Path], speed: float) -> None:
    """Two symbols come from two files: every trade and quote in its order, and books that equal the quotes."""
    listening = asyncio.Event()

    async def held() -> AsyncIterator[MarketEvent]:
        await listening.wait()
        async for event in tape_events(tuple(recordings), speed):
            yield event

    events = [market_of(path) for path in recordings]
    trades = sum(isinstance(event, TradeReceived) for each in events for event in each)
    async with VenueServer(feed=held()) as venue:
        following = asyncio.create_task(heard_from(venue, trades))
        while not venue._connections("all"):  # noqa: ASYNC110 - a venue tells nobody who connects.
            await asyncio.sleep(0.01)
        listening.set()
        heard = await following

    for market, recorded in zip(MARKETS, events, strict=True):
        expected = facts(recorded, market.symbol)
        assert expected == facts(heard.events, market.symbol)[: len(expected)]
    assert trades > 150
    if speed < 10:
        assert compared([event for event in heard.events if getattr(event, "symbol", "") == "BTC/USDT"]) > 0


@pytest.mark.parametrize("speed", [1.0, 4.0])
async def test_the_pace_is_the_recorded_one_times_the_speed(recordings: list[Path], speed: float) -> None:
    """A recording is never over before its time; a busy machine may need longer."""
    times = [event.time_ns for path in recordings for event in market_of(path)]
    span_s = (max(times) - min(times)) / 10**9 / speed

    began = time.monotonic()
    count = 0
    async for _ in tape_events(tuple(recordings), speed):
        count += 1
    took = time.monotonic() - began

    assert len(times) == count
    assert span_s - 0.01 <= took < span_s + 5


def test_the_command_serves_a_tape(recordings: list[Path]) -> None:
    """`meva venue --tape A --tape B --speed N` answers with the recorded trades of both, until it is stopped."""
    command = [sys.executable, "-m", "meva_runners.venue", "--port", "0", "--speed", "1000"]
    for path in recordings:
        command += ["--tape", str(path)]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert venue.stdout is not None
        url = venue.stdout.readline().split()[-1]
        served = [trades_at(url, path) for path in recordings]
    finally:
        venue.send_signal(signal.SIGINT)
        status = venue.wait(10)
        if venue.stdout is not None:
            venue.stdout.close()

    assert 0 == status
    for path, market, rows in zip(recordings, MARKETS, served, strict=True):
        trades = [event for event in market_of(path) if isinstance(event, TradeReceived)]
        assert [(trade.trade_id, market.price(trade.price_ticks)) for trade in trades] == rows


def trades_at(url: str, path: Path) -> list[tuple[int, Decimal]]:
    """Return the trades that the venue shows once the whole recording went by."""
    name = path.name.partition("_")[0].upper()
    trades = [event for event in market_of(path) if isinstance(event, TradeReceived)]
    for _ in range(200):
        with urllib.request.urlopen(f"{url}/api/v3/trades?symbol={name}&limit=1000", timeout=5) as answer:
            rows = json.load(answer)
        if len(rows) >= len(trades):
            break
        time.sleep(0.05)
    return [(row["id"], Decimal(row["price"])) for row in rows]
