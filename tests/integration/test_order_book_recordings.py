"""The order book, rebuilt from recorded venue frames, is the venue's own book wherever both can be compared.

The venue says so itself: a bookTicker frame carries the best prices and sizes as of an update id. The
recordings are not part of the project; set MEVA_RECORDINGS to their folder, or lay it beside the project.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

from meva_adapters.feed.frames import FRAME
from meva_core.data.order_book import BookOutcome, Level, OrderBook
from meva_core.events import BookChanged

PROJECT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("MEVA_RECORDINGS", PROJECT.parent / "shared" / "data")) / "binance_spot_raw"
PRICE_DECIMALS, LOT_DECIMALS = 2, 8  # Sizes in a book may lie off the lot grid of orders.

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(),
    reason="no recordings: set MEVA_RECORDINGS to the folder that holds binance_spot_raw",
)

Best = tuple[Level, Level]


def grid(text: str, decimals: int) -> int:
    """Return a decimal text as a whole number of steps, exactly."""
    whole, _, fraction = text.partition(".")
    assert not fraction[decimals:].strip("0"), f"{text} is off the grid"
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


def levels(rows: list[list[str]]) -> tuple[Level, ...]:
    """Return venue levels on the grid."""
    return tuple((grid(price, PRICE_DECIMALS), grid(size, LOT_DECIMALS)) for price, size in rows)


@cache
def frames(symbol: str) -> tuple[tuple[int, dict[str, Any]], ...]:
    """Return (receive time, payload) of every recorded frame of the book."""
    return tuple(parsed_frames(symbol))


def parsed_frames(symbol: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (receive time, payload) of every recorded frame but the trades."""
    with gzip.open(RECORDINGS / f"{symbol}_20240808.gz", "rt") as lines:
        for line in lines:
            if "@trade" in line:
                continue
            time_ns, _, text = line.partition(" ")
            frame = json.loads(text)
            yield int(time_ns), frame.get("data", frame)


@cache
def book_changes(symbol: str) -> tuple[BookChanged, ...]:
    """Return the snapshot and every change of the book, in the order they were received."""
    return tuple(parsed_changes(symbol))


def parsed_changes(symbol: str) -> Iterator[BookChanged]:
    """Yield the snapshot and every change of the book, in the order they were received."""
    for time_ns, data in frames(symbol):
        if "lastUpdateId" in data:
            first = last = data["lastUpdateId"]
            bids, asks = data["bids"], data["asks"]
        elif data.get("e") == "depthUpdate":
            first, last, bids, asks = data["U"], data["u"], data["b"], data["a"]
        else:
            continue
        snapshot = "lastUpdateId" in data
        yield BookChanged(time_ns, symbol, snapshot, first, last, levels(bids), levels(asks))


@cache
def best_by_update_id(symbol: str) -> dict[int, Best]:
    """Return what the venue called the best bid and ask, by update id."""
    return {
        data["u"]: (levels([[data["b"], data["B"]]])[0], levels([[data["a"], data["A"]]])[0])
        for _, data in frames(symbol)
        if "u" in data and "e" not in data
    }


def compared(symbol: str, changes: Iterable[BookChanged]) -> tuple[Counter[BookOutcome], int, list[int]]:
    """Return the outcomes, how many update ids could be compared, and those that differ."""
    book, venue = OrderBook(symbol), best_by_update_id(symbol)
    outcomes: Counter[BookOutcome] = Counter()
    comparisons, different = 0, []
    for change in changes:
        outcomes[book.apply(change)] += 1
        if book.synchronised and book.last_update_id in venue:
            comparisons += 1
            if venue[book.last_update_id] != (book.best_bid, book.best_ask):
                different.append(book.last_update_id)
    return outcomes, comparisons, different


COMPARED = [("btcusdt", 3_452, 564), ("ethusdt", 3_435, 577)]


def test_no_recording_of_frames_is_left_out() -> None:
    """Every file in the folder that begins as frames do is among those that are compared."""
    frames_of = []
    for path in sorted(RECORDINGS.glob("*.gz")):
        with gzip.open(path, "rb") as content:
            if FRAME.match(content.read(64)):
                frames_of.append(path.name.partition("_")[0])

    assert [symbol for symbol, _, _ in COMPARED] == frames_of


@pytest.mark.parametrize(("symbol", "changes", "comparable"), COMPARED)
def test_the_rebuilt_book_is_the_venues_book(symbol: str, changes: int, comparable: int) -> None:
    """No gap, no break, and best prices and sizes are equal at every update id that both know."""
    outcomes, comparisons, different = compared(symbol, book_changes(symbol))

    assert changes == outcomes[BookOutcome.KEPT] + outcomes[BookOutcome.APPLIED]
    assert comparable == comparisons
    assert [] == different


@pytest.mark.parametrize("symbol", ["btcusdt", "ethusdt"])
def test_one_lost_level_is_noticed(symbol: str) -> None:
    """The comparison has teeth: leave one update of a best bid out, and the books differ."""
    changes = list(book_changes(symbol))
    victim = first_change_of_a_comparable_bid(symbol, changes)
    kept_bids = tuple(level for level in changes[victim].bids if level != max(changes[victim].bids))
    changes[victim] = attrs.evolve(changes[victim], bids=kept_bids)

    _, _, different = compared(symbol, changes)

    assert changes[victim].last_update_id == different[0]


@pytest.mark.parametrize("symbol", ["btcusdt", "ethusdt"])
def test_one_lost_change_is_a_gap(symbol: str) -> None:
    """Leave a whole change out, and the book refuses to go on from there."""
    changes = list(book_changes(symbol))
    del changes[1_000]

    outcomes, _, _ = compared(symbol, changes)

    assert 1 == outcomes[BookOutcome.GAP]
    assert len(changes) - 1_001 == outcomes[BookOutcome.KEPT] - kept_before_snapshot(changes)


def first_change_of_a_comparable_bid(symbol: str, changes: list[BookChanged]) -> int:
    """Return the position of a change that moves or resizes the best bid where the venue names it too."""
    book, venue = OrderBook(symbol), best_by_update_id(symbol)
    for position, change in enumerate(changes):
        before = book.best_bid
        book.apply(change)
        comparable = before is not None and book.last_update_id in venue
        if comparable and book.best_bid != before and book.best_bid == max(change.bids, default=None):
            return position
    pytest.fail("the recording has no such change")


def kept_before_snapshot(changes: list[BookChanged]) -> int:
    """Return how many changes came before the snapshot."""
    return next(position for position, change in enumerate(changes) if change.snapshot)
