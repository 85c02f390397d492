"""Kraken's market, followed and recorded, is the same market when it is replayed from the files."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from meva_adapters.exchange.kraken.market_stream import KrakenMarketStream
from meva_adapters.feed.frame_recorder import FrameRecorder
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS
from meva_core.data.order_book import OrderBook
from meva_core.errors import DataError
from meva_core.events import BookChanged, Event, StreamConnected, StreamGapDetected, StreamLost, TradeReceived
from meva_core.ports.clock import Clock
from tests.contract.tape_files import events_of, tape_of
from tests.integration.exchange.heard import Heard, followed
from tests.integration.exchange.kraken_case import ROOMY, calls_of, pairs
from tests.integration.exchange.recording_case import (
    DAY_NS,
    NOON_NS,
    clock_at,
    cut_off,
    recordings,
    replayed_as_heard,
    snapshots_of,
    told_of,
)

MARKETS = [listed.instrument for listed in KRAKEN_MARKETS[:2]]
SYMBOLS = [market.symbol for market in MARKETS]
SETTINGS = evolve(ROOMY, trades_per_second=50)


@asynccontextmanager
async def recorded(
    folder: Path, clock: Clock
) -> AsyncIterator[tuple[KrakenServer, KrakenMarketStream, Heard]]:
    """Follow and record two markets of a venue."""
    async with KrakenServer(SETTINGS) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        calls.clock = clock
        with FrameRecorder(folder, SYMBOLS) as recorder:
            stream = KrakenMarketStream(
                calls,
                transport,
                stream_url=venue.public_ws_url,
                pairs=pairs()[:2],
                jitter=lambda: 0.0,
                depth=10,
                timeframes=["1m"],
                record=recorder.record,
            )
            async with followed(stream) as heard:
                yield venue, stream, heard


def book_of(events: list[Event], symbol: str) -> OrderBook:
    """Return the book that the core makes of *events*."""
    book = OrderBook(symbol)
    for event in events:
        if isinstance(event, BookChanged) and event.symbol == symbol:
            book.apply(event)
        elif isinstance(event, StreamLost):
            book = OrderBook(symbol)
    return book


async def test_what_is_replayed_is_what_was_heard(tmp_path: Path) -> None:
    """Through gaps, renewed books and cuts, each file gives exactly the events that were delivered live."""
    async with recorded(tmp_path, clock_at(NOON_NS)) as (venue, stream, heard):
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USD") == 1)
        venue.strike(Fault(kind=FaultKind.DROP_DEPTH, symbol="BTCUSD"))
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USD") == 2)
        stream.renew_book("BTC/USD")
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USD") == 3)
        venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
        await heard.until(lambda: heard.count(StreamConnected) == 2)
        await heard.until(lambda: all(snapshots_of(heard.events, symbol) >= 2 for symbol in SYMBOLS))
        trades = heard.count(TradeReceived)
        await heard.until(lambda: heard.count(TradeReceived) > trades + 60)

    btc, _ = replayed_as_heard(tmp_path, heard.events, MARKETS)
    assert 1 == sum(isinstance(event, StreamGapDetected) for event in btc)


async def test_a_new_day_begins_with_the_book_as_it_stands(tmp_path: Path) -> None:
    """The file of the second day alone gives the same book; without its first snapshot it is what was heard."""
    shortly_before_midnight = clock_at(DAY_NS - 1_500_000_000)
    async with recorded(tmp_path, shortly_before_midnight) as (_venue, _stream, heard):
        await heard.until(lambda: len(recordings(tmp_path)) == 4)
        trades = heard.count(TradeReceived)
        await heard.until(lambda: heard.count(TradeReceived) > trades + 60)

    paths = recordings(tmp_path)
    assert 4 == len(paths)
    first, second = (list(events_of(tape_of(path, *MARKETS))) for path in paths[:2])
    [begins, *others] = second
    assert isinstance(begins, BookChanged)
    assert begins.snapshot
    assert told_of(heard.events, "BTC/USD") == first + others
    whole, alone = (book_of(events, "BTC/USD") for events in (first + others, second))
    assert (whole.bids.top(20), whole.asks.top(20)) == (alone.bids.top(20), alone.asks.top(20))
    assert 10 == len(alone.bids.top(20))
    assert 0 == heard.count(StreamGapDetected)


def replay(path: Path, settings: Path) -> dict[str, Any]:
    """Replay a file by the command."""
    command = [sys.executable, "-m", "meva_runners.replay", str(path), "--json", "-c", str(settings)]
    strategy = ["--strategy", "sma_cross", "--set", "strategy.fast=2", "--set", "strategy.slow=5"]
    trading = ["--set", "strategy.timeframe=null", "--set", "strategy.quantity=0.001"]
    done = subprocess.run(
        [*command, *strategy, *trading], capture_output=True, text=True, timeout=60, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


async def test_a_recording_is_replayed_by_the_command_twice_alike(tmp_path: Path) -> None:
    """`meva replay DIR/FILE` recognises it by its content; the same decisions come out each time, torn end or not."""
    settings = tmp_path / "usd.yaml"
    settings.write_text(
        "reporting_currency: USD\nexchange:\n  balances: {USDT: 0, USD: 100000}\n  instruments:\n"
        "  - {symbol: BTC/USD, tick_size: 0.1, lot_size: 0.00000001, min_quantity: 0.00005, min_notional: 0.5}\n"
    )
    folder = tmp_path / "frames"
    async with recorded(folder, clock_at(NOON_NS)) as (venue, _stream, heard):
        await heard.until(lambda: heard.count(TradeReceived) > 100)
        venue.strike(Fault(kind=FaultKind.CUT_STREAMS))
        await heard.until(lambda: snapshots_of(heard.events, "BTC/USD") == 2)

    path = recordings(folder)[0]
    first, second = [await asyncio.to_thread(replay, path, settings) for _ in range(2)]
    cut_off(path, 30)
    torn = await asyncio.to_thread(replay, path, settings)

    assert len(told_of(heard.events, "BTC/USD")) == first["events"]
    assert first["orders"] > 0
    for hashed in ("decision_hash", "state_hash", "tape_hash"):
        assert first[hashed] == second[hashed]
    assert 0 < torn["events"] < first["events"]


async def test_a_changed_digit_in_a_recorded_book_is_noticed(tmp_path: Path) -> None:
    """The checksum of the venue proves the file: one size that was altered makes a gap, until the next snapshot."""
    async with recorded(tmp_path, clock_at(NOON_NS)) as (_venue, _stream, heard):
        await heard.until(lambda: heard.count(BookChanged) > 40)
    path = recordings(tmp_path)[0]
    lines = plain(path)
    changes = (n for n, line in enumerate(lines) if '"channel":"book","type":"update"' in line)
    place = next(changes)
    lines[place] = lines[place].replace('"checksum":', '"checksum":1')
    altered = tmp_path / "altered"
    altered.write_text("".join(lines))

    kinds = [type(event) for event in events_of(tape_of(altered, *MARKETS))]

    assert 1 == kinds.count(StreamGapDetected)
    assert BookChanged not in kinds[kinds.index(StreamGapDetected) :]


def plain(path: Path) -> list[str]:
    """Return the lines of a recording."""
    with gzip.open(path, "rt") as file:
        return file.readlines()


def test_frames_of_others_are_read_without_our_notes(tmp_path: Path) -> None:
    """Whoever recorded them: decimals are those of the instrument, and the depth is that of the first snapshot."""
    level = '[{"price":60000.0,"qty":1.00000000}]'
    book = (
        f'{{"channel":"book","type":"snapshot","data":[{{"symbol":"BTC/USD","bids":{level},'
        f'"asks":{level.replace("60000.0", "60000.1")}}}]}}'
    )
    trade = (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":61837.6,'
        '"qty":2e-8,"ord_type":"market","trade_id":7,"timestamp":"2024-08-08T23:54:15.342Z"},'
        '{"symbol":"ETH/USD","side":"buy","price":2500.01,"qty":1.5,"ord_type":"market","trade_id":8,'
        '"timestamp":"2024-08-08T23:54:15.342Z"}]}'
    )
    path = tmp_path / "frames"
    path.write_text(f'1 {{"channel":"heartbeat"}}\n2 {book}\n3 {trade}\n')
    both = list(events_of(tape_of(path, *MARKETS)))
    one = list(events_of(tape_of(path, *MARKETS, symbol="BTC/USD")))

    assert [BookChanged, TradeReceived, TradeReceived] == [type(event) for event in both]
    assert [BookChanged, TradeReceived] == [type(event) for event in one]
    assert [618_376, 250_001] == [event.price_ticks for event in both if isinstance(event, TradeReceived)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"channel":"trade","data":[{"symbol":"NO/SUCH"}]}', "belongs to no configured instrument"),
        (
            '{"channel":"trade","data":[{"symbol":"BTC/USD","price":"x"}]}',
            "no such frame as its kind promises",
        ),
        ('{"channel":"trade","data":[', "no valid JSON"),
        ('{"connection":"opened","symbol":"BTC/USD"}', "no such frame as its kind promises"),
        (
            '{"connection":"opened","symbol":"BTC/USD","price_decimals":0,"quantity_decimals":8,"depth":10,"number":0}',
            "the venue wrote 0 and 8 decimals",
        ),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(line: str, told: str, tmp_path: Path) -> None:
    """A damaged frame or note ends the reading there, as in every tape."""
    path = tmp_path / "frames"
    path.write_text(f'1 {{"channel":"heartbeat"}}\n2 {line}\n')

    with pytest.raises(DataError, match=told) as caught:
        list(events_of(tape_of(path, *MARKETS)))

    assert 2 == caught.value.line
