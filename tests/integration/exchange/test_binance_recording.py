"""A market that is followed and recorded is the same market when it is replayed from the files."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.feed.frame_recorder import FrameRecorder
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS, VenueSettings
from meva_core.events import (
    CandleClosed,
    StreamConnected,
    StreamGapDetected,
    TradeReceived,
)
from meva_core.ports.clock import Clock
from tests.contract.tape_files import events_of, tape_of
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.recording_case import (
    DAY_NS,
    NOON_NS,
    ShiftedClock,
    clock_at,
    cut_off,
    recordings,
    replayed_as_heard,
    snapshots_of,
    told_of,
)
from tests.integration.exchange.test_binance_streams import compared

MARKETS = [listed.instrument for listed in DEFAULT_MARKETS[:2]]
SYMBOLS = [market.symbol for market in MARKETS]
SETTINGS = VenueSettings(trades_per_second=50)


@asynccontextmanager
async def recorded(
    folder: Path, clock: Clock, *, timeframes: Sequence[str] = ("1s",)
) -> AsyncIterator[tuple[VenueServer, Heard]]:
    """Follow and record two markets of a venue."""
    async with VenueServer(SETTINGS) as venue, HttpTransport() as transport:
        with FrameRecorder(folder, SYMBOLS) as recorder:
            stream = BinanceMarketStream(
                BinanceCalls(transport, clock, rest_url=venue.url),
                transport,
                stream_url=venue.ws_url,
                instruments=MARKETS,
                jitter=lambda: 0.0,
                timeframes=timeframes,
                record=recorder.record,
            )
            async with followed(stream) as heard:
                yield venue, heard


async def test_what_is_replayed_is_what_was_heard(tmp_path: Path) -> None:
    """Through gaps and cuts, each file gives exactly the events that were delivered live, and the same book."""
    async with recorded(tmp_path, clock_at(NOON_NS)) as (venue, heard):
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USDT") == 1)
        venue.strike(Fault(kind=FaultKind.DROP_DEPTH, symbol="BTCUSDT"))
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USDT") == 2)
        venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
        await heard.until(lambda: heard.count(StreamConnected) == 2)
        await heard.until(lambda: all(snapshots_of(heard.events, symbol) >= 2 for symbol in SYMBOLS))
        trades = heard.count(TradeReceived)
        await heard.until(lambda: heard.count(TradeReceived) > trades + 60)

    btc, _ = replayed_as_heard(tmp_path, heard.events, MARKETS)
    assert 1 == sum(isinstance(event, StreamGapDetected) for event in btc)
    assert compared(btc) == compared(told_of(heard.events, "BTC/USDT")) > 0


async def test_a_new_day_begins_with_a_snapshot_of_its_own(tmp_path: Path) -> None:
    """The file of the second day alone gives a book that equals the venue's quotes."""
    shortly_before_midnight = clock_at(DAY_NS - 1_500_000_000)
    async with recorded(tmp_path, shortly_before_midnight) as (_venue, heard):
        await heard.until(lambda: all(snapshots_of(heard.events, symbol) == 2 for symbol in SYMBOLS))
        trades = heard.count(TradeReceived)
        await heard.until(lambda: heard.count(TradeReceived) > trades + 60)

    paths = recordings(tmp_path)
    assert 4 == len(paths)
    days = [list(events_of(tape_of(path, *MARKETS))) for path in paths]
    assert told_of(heard.events, "BTC/USDT") == days[0] + days[1]
    assert compared(days[1]) > 0
    assert 0 == heard.count(StreamGapDetected)


async def test_a_recording_is_replayed_by_the_command(tmp_path: Path) -> None:
    """`meva replay DIR/FILE` reads it like any tape; a torn end is said in one sentence, and is no failure."""
    nothing_to_warn_of = recorded(
        tmp_path, clock_at(NOON_NS), timeframes=()
    )  # A bar beside trades goes unused.
    async with nothing_to_warn_of as (venue, heard):
        await heard.until(lambda: heard.count(TradeReceived) > 20)
        venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
        await heard.until(lambda: heard.count(StreamConnected) == 2)
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USDT") == 2)

    path = recordings(tmp_path)[0]
    whole = await replayed(path)
    cut_off(path, 30)
    torn = await replayed(path)

    events = len(told_of(heard.events, "BTC/USDT"))
    assert (0, "", events) == (whole.returncode, whole.stderr, json.loads(whole.stdout)["events"])
    assert 0 == torn.returncode
    assert 0 < json.loads(torn.stdout)["events"] < events
    said = "it is cut short, as by a recorder that was killed, and was read up to its last complete frame"
    assert f"Warning: {path}: {said}.\n" == torn.stderr


async def replayed(path: Path) -> subprocess.CompletedProcess[str]:
    """Replay a file by the command."""
    command = [sys.executable, "-m", "meva_runners.replay", str(path), "--json"]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
    )


async def test_bars_keep_their_place_where_our_clock_is_two_seconds_behind(tmp_path: Path) -> None:
    """They close by the venue's clock before they do by ours: times never fall, neither live nor in the recording."""
    async with recorded(tmp_path, ShiftedClock(-2 * 10**9)) as (_venue, heard):
        await heard.until(lambda: heard.count(CandleClosed) >= 4)
        trades = heard.count(TradeReceived)
        await heard.until(lambda: heard.count(TradeReceived) > trades)
    times = [event.time_ns for event in heard.events]
    bars = [event for event in heard.events if isinstance(event, CandleClosed)]

    assert sorted(times) == times
    assert any(bar.time_ns < bar.candle.close_ns for bar in bars)
    for symbol, path in zip(SYMBOLS, recordings(tmp_path), strict=True):
        tape = tape_of(path, *MARKETS)
        assert told_of(heard.events, symbol) == list(events_of(tape))
        assert tape.fault is None
