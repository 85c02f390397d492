"""Market events come back equal from their columns, as events and as blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_adapters.contracts.storage_samples import BARS, TRADES, bar_at, trade_at
from meva_adapters.storage.integer_columns import pack_columns
from meva_adapters.storage.market_segments import (
    OpenSegment,
    Segment,
    SegmentKey,
    bars_of,
    columns_of,
    events_of,
    key_of,
    trades_of,
)
from meva_core.events import BookChanged, CandleClosed, MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.market import Candle, Side

INT64 = st.integers(-(2**63), 2**63 - 1)
LEVELS = st.lists(st.tuples(INT64, INT64), max_size=4).map(tuple)
EVENTS: dict[type, st.SearchStrategy[Any]] = {
    TradeReceived: st.builds(
        TradeReceived, INT64, st.just("A/B"), INT64, INT64, st.sampled_from(Side), INT64, INT64
    ),
    QuoteReceived: st.builds(QuoteReceived, INT64, st.just("A/B"), INT64, INT64, INT64, INT64, INT64),
    BookChanged: st.builds(
        BookChanged, INT64, st.just("A/B"), st.booleans(), INT64, INT64, LEVELS, LEVELS, INT64
    ),
    CandleClosed: st.builds(
        CandleClosed, INT64, st.just("A/B"), st.just("1m"), st.builds(Candle, *[INT64] * 7)
    ),
}


def sealed(*events: MarketEvent, sequences: list[int] | None = None) -> Segment:
    """Return the segment of *events*."""
    segment = OpenSegment.of(key_of(events[0]))
    for sequence, event in zip(sequences or range(1, 1 + len(events)), events, strict=True):
        segment.add(sequence, event)
    return segment.seal()


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_events_come_back_equal(kind: type, data: st.DataObject) -> None:
    """Every field of every kind, in order, with the sequences that lie between other events."""
    events = data.draw(st.lists(EVENTS[kind], min_size=1, max_size=8))
    sequences = data.draw(
        st.lists(st.integers(1, 2**40), min_size=len(events), max_size=len(events)).map(sorted)
    )
    segment = sealed(*events, sequences=sequences)

    assert list(zip(sequences, events, strict=True)) == list(events_of(segment))
    assert (sequences[0], sequences[-1], len(events)) == (
        segment.first_sequence,
        segment.last_sequence,
        segment.rows,
    )


def test_blocks_come_back_equal() -> None:
    """Trades and bars that came in bulk leave as the same block."""
    trades = OpenSegment.of(SegmentKey("TradeReceived", TRADES.symbol))
    trades.add_trades(5, TRADES, start=0, stop=4)
    bars = OpenSegment.of(SegmentKey("CandleClosed", BARS.symbol, BARS.timeframe))
    bars.add_bars(9, BARS, start=0, stop=3)

    assert TRADES == trades_of(trades.seal())
    assert BARS == bars_of(bars.seal())
    assert bars_of(trades.seal()) is trades_of(bars.seal()) is None


def test_bulk_and_single_rows_are_the_same() -> None:
    """A row has the same columns however it came, so its digest does not tell."""
    trades = OpenSegment.of(SegmentKey("TradeReceived", TRADES.symbol))
    trades.add_trades(1, TRADES, start=0, stop=4)
    bars = OpenSegment.of(SegmentKey("CandleClosed", BARS.symbol, BARS.timeframe))
    bars.add_bars(1, BARS, start=0, stop=3)

    assert sealed(*map(trade_at, range(4))) == trades.seal()
    assert sealed(*map(bar_at, range(3))) == bars.seal()


def test_what_a_block_cannot_say_stays_events() -> None:
    """Venue times, bars of uneven length and bars that came late are no columns of a block."""
    venue_time = attrs.evolve(trade_at(0), venue_time_ns=9)
    late = attrs.evolve(bar_at(1), time_ns=bar_at(1).time_ns + 1)
    long = attrs.evolve(bar_at(1), candle=attrs.evolve(bar_at(1).candle, open_ns=0))

    assert trades_of(sealed(trade_at(0), venue_time)) is None
    assert bars_of(sealed(bar_at(0), late)) is None
    assert bars_of(sealed(bar_at(0), long)) is None


def test_keys_tell_kind_symbol_and_timeframe_apart() -> None:
    """Events that share a segment share all that its key says."""
    events = [
        trade_at(0),
        attrs.evolve(trade_at(0), symbol="C/D"),
        QuoteReceived(1, "A/B", 1, 1, 1, 1),
        bar_at(0),
        attrs.evolve(bar_at(0), timeframe="5m"),
    ]

    assert all(left != right for left, right in pairwise(map(key_of, events)))


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 3},
        {"rows": 5},
        {"first_sequence": 2},
        {"last_sequence": 5},
        {"key": SegmentKey("CandleClosed", "BTC/USDT", "1m")},
        {"key": SegmentKey("OrderFilled", "BTC/USDT")},
        {"columns": b""},
        {"columns": pack_columns([[]] * 9)},
    ],
    ids=str,
)
def test_a_description_that_lies_is_refused(change: dict[str, Any]) -> None:
    """Rows that contradict what their row in the table says are damage."""
    segment = attrs.evolve(sealed(*map(trade_at, range(4))), **change)

    with pytest.raises(ValueError, match=r"contradict|unknown kind|damaged|left over|missing"):
        columns_of(segment)


@pytest.mark.parametrize("levels", [([1, 2], [1]), ([1], [1]), ([1, 2, 3], [1, 2, 3])])
def test_book_levels_must_add_up(levels: tuple[list[int], list[int]]) -> None:
    """Levels that no book change claims, or that are missing, are damage."""
    segment = OpenSegment.of(SegmentKey("BookChanged", "A/B"))
    segment.add(1, BookChanged(1, "A/B", True, 1, 1, ((1, 1),), ((2, 2),)))
    segment.levels = levels

    with pytest.raises(ValueError, match="do not add up"):
        list(events_of(segment.seal()))
