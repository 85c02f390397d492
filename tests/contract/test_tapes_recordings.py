"""Real recordings are read whole and exactly. They are no part of the project: tested only where they lie."""

from __future__ import annotations

import gzip
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from meva_core.errors import DataError
from meva_core.events import BookChanged, QuoteReceived, TradeReceived
from tests.contract.tape_files import RECORDINGS, events_of, instrument, needs_recordings, rows_of, tape_of

pytestmark = needs_recordings

BTC, ETH = instrument("BTC/USDT"), instrument("ETH/USDT", lot="0.0001")
COINBASE = RECORDINGS / "bars" / "Coinbase_BTCUSD_1h.csv.gz"
MINUTES = RECORDINGS / "bars" / "btc-perp-20211231-20220201_1m.csv.gz"


def text_rows(path: Path, header_lines: int) -> list[list[str]]:
    """Return the cells of a packed table, read in the plainest way."""
    with gzip.open(path, "rt") as lines:
        return [line.rstrip("\n").split(",") for line in lines][header_lines:]


@pytest.mark.parametrize(
    ("name", "symbol", "kinds", "rounded"),
    [
        ("btcusdt", "BTC/USDT", {QuoteReceived: 28_040, TradeReceived: 9_757, BookChanged: 3_452}, 3),
        ("ethusdt", "ETH/USDT", {QuoteReceived: 24_077, TradeReceived: 6_106, BookChanged: 3_435}, 2),
    ],
)
def test_every_frame_is_an_event(name: str, symbol: str, kinds: dict[type, int], rounded: int) -> None:
    """No line is skipped, repeated or lost; a handful of sizes in the book are off the lot grid of orders."""
    tape = tape_of(RECORDINGS / "binance_spot_raw" / f"{name}_20240808.gz", BTC, ETH)

    events = list(events_of(tape))

    assert kinds == Counter(map(type, events))
    assert {symbol} == {event.symbol for event in events if isinstance(event, TradeReceived | BookChanged)}
    assert (0, 0, rounded) == (tape.skipped, tape.duplicates, tape.rounded)


def test_the_local_clock_was_behind_the_venues() -> None:
    """Receive times are kept as they are, also when they lie before the venue's own."""
    tape = tape_of(RECORDINGS / "binance_spot_raw" / "btcusdt_20240808.gz", BTC)

    first = next(event for event in events_of(tape) if isinstance(event, TradeReceived))

    assert first.time_ns < first.venue_time_ns


def test_minute_bars_are_exact() -> None:
    """45,031 bars without a gap, prices as written, volumes rounded down to the lots that were asked for."""
    market = instrument("BTC/USD", tick="0.001", lot="0.0001")
    tape = tape_of(MINUTES, market, round_volume=True)

    rows = rows_of(tape.blocks())

    expected = text_rows(MINUTES, header_lines=1)
    assert 45_031 == len(rows)
    assert {60_000_000_000} == {later[0] - row[0] for row, later in pairwise(rows)}
    assert [[Decimal(cell) for cell in row[1:5]] for row in expected] == [
        [market.price(ticks) for ticks in row[1:5]] for row in rows
    ]
    assert 14 == tape.rounded


def test_minute_bars_on_too_coarse_a_grid_are_refused() -> None:
    """Prices are never rounded: the message names the line and the grid that would fit."""
    tape = tape_of(MINUTES, instrument("BTC/USD", tick="0.1", lot="0.0001"), round_volume=True)

    with pytest.raises(
        DataError, match=r"line 244: open 46821\.75 is not a multiple of tick_size 0\.1 .* to 0\.01"
    ):
        list(tape.blocks())


def test_the_newest_first_file_says_what_to_do() -> None:
    """The second row is older than the first: the message names both times, the line, and the option."""
    tape = tape_of(COINBASE, instrument("BTC/USD"))

    with pytest.raises(DataError) as caught:
        list(tape.blocks())

    assert 4 == caught.value.line
    assert "2019-10-17T08:00:00Z follows 2019-10-17T09:00:00Z" in caught.value.problem
    assert "newest first: pass --sort" in caught.value.remedy


def test_the_newest_first_file_is_sorted_on_request() -> None:
    """Sorted, it is the same bars from the oldest to the newest, below two lines of heading."""
    market = instrument("BTC/USD")
    tape = tape_of(COINBASE, market, sort=True)

    rows = rows_of(tape.blocks())

    expected = text_rows(COINBASE, header_lines=2)
    assert ("BTC/USD",) == tape.symbols
    assert len(expected) == len(rows)
    assert rows == sorted(rows)
    assert sum(Decimal(row[6]) for row in expected) == sum(market.quantity(row[5]) for row in rows)
