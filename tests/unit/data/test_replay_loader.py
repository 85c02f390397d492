"""Any number of tapes comes in one order: by time, then by the tape's place, then by row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from operator import itemgetter

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.replay_loader import ReplayLoader, Window, block_events, event_times
from meva_core.events import CandleClosed, Event, TimerFired, TradeReceived
from meva_core.model.market import Candle, Side
from meva_core.ports.market_feed import BarBlock, Block, EventBlock, TradeBlock

INTERVAL = 10


@define
class MemoryTape:
    """Give the blocks that it was made with, and count how many were asked for."""

    given: list[Block]
    source: str = "memory"
    symbols: tuple[str, ...] = ("BTC/USDT",)
    digest: str = ""
    size_bytes: int = 0
    position_bytes: int = 0
    asked: list[Block] = field(factory=list)

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks."""
        for block in self.given:
            self.asked.append(block)
            yield block


def trades(*times: int, symbol: str = "BTC/USDT") -> TradeBlock:
    """Return trades at *times* whose price is their row."""
    rows = len(times)
    return TradeBlock(
        symbol, list(times), list(range(1, rows + 1)), [1] * rows, [Side.BUY] * rows, [-1] * rows
    )


def bars(*times: int) -> BarBlock:
    """Return bars that are known at *times*."""
    column = [1] * len(times)
    return BarBlock(
        "BTC/USDT", "1m", INTERVAL, [t - INTERVAL for t in times], column, column, column, column, column
    )


def timers(*times: int) -> EventBlock:
    """Return events at *times*."""
    return EventBlock([TimerFired(t, "timer") for t in times])


def naive(tapes: list[MemoryTape], start: int, end: int) -> list[tuple[int, int, int]]:
    """Return (time, tape, row in the tape) of every row, sorted the plain way."""
    return sorted(
        (time, place, row)
        for place, tape in enumerate(tapes)
        for row, time in enumerate(time for block in tape.given for time in event_times(block))
        if start <= time < end
    )


def merged(tapes: list[MemoryTape], start: int | None, end: int | None) -> list[tuple[int, int, int]]:
    """Return the same of what the loader gives."""
    places = {
        id(block): (place, sum(len(event_times(before)) for before in tape.given[:index]))
        for place, tape in enumerate(tapes)
        for index, block in enumerate(tape.given)
    }
    return [
        (event_times(block)[row], places[id(block)][0], places[id(block)][1] + row)
        for block, first, stop in ReplayLoader().merge(tapes, start, end)
        for row in range(first, stop)
    ]


@st.composite
def tapes(draw: st.DrawFn) -> MemoryTape:
    """Draw a tape of blocks of any kind and size, empty ones too, with many equal times."""
    times = sorted(draw(st.lists(st.integers(0, 30), max_size=25)))
    cuts = sorted(draw(st.lists(st.integers(0, len(times)), max_size=4)))
    pieces = [times[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(times)], strict=True)]
    return MemoryTape([draw(st.sampled_from([trades, bars, timers]))(*piece) for piece in pieces])


@given(st.lists(tapes(), max_size=5), st.integers(0, 31), st.integers(0, 31))
def test_merging_equals_sorting(drawn: list[MemoryTape], start: int, end: int) -> None:
    """The runs, laid end to end, are the rows sorted by time, tape and row, inside the bounds."""
    assert naive(drawn, start, end) == merged(drawn, start, end)


@given(st.lists(tapes(), min_size=2, max_size=4), st.integers(0, 31), st.integers(0, 31), st.integers(1, 9))
def test_windows_hold_the_same_rows_in_the_same_order(
    drawn: list[MemoryTape], start: int, end: int, window_rows: int
) -> None:
    """Runs and windows, each window sorted by time, tape and row, are the rows of the runs alone."""
    for place, tape in enumerate(drawn):
        for block in tape.given:
            if not isinstance(block, EventBlock):
                block.symbol = f"S{place}/USDT"
    found: list[tuple[int, Block, int]] = []
    for piece, first, stop in ReplayLoader().pieces(drawn, start, end, window_rows=window_rows):
        if isinstance(piece, Window):
            assert window_rows <= piece.rows == stop - first == sum(last - row for _, row, last in piece.runs)
            rows = [
                (event_times(block)[row], place, row, block)
                for place, (block, begin, last) in enumerate(piece.runs)
                for row in range(begin, last)
            ]
            found += [(time, block, row) for time, _, row, block in sorted(rows, key=itemgetter(0, 1, 2))]
        else:
            found += [(event_times(piece)[row], piece, row) for row in range(first, stop)]

    runs = ReplayLoader().merge(drawn, start, end)
    expected = [
        (event_times(block)[row], block, row) for block, first, stop in runs for row in range(first, stop)
    ]
    assert expected == found


def test_tapes_of_one_symbol_are_never_looked_at_together() -> None:
    """Trades in two files are one market."""
    one, two = MemoryTape([trades(*range(0, 40, 2))]), MemoryTape([trades(*range(1, 41, 2))])

    pieces = ReplayLoader().pieces([one, two], window_rows=1)

    assert not any(isinstance(piece, Window) for piece, _, _ in pieces)


def test_no_bounds_give_every_row() -> None:
    """`None` leaves the side open, whatever the times are."""
    tape = MemoryTape([trades(-5, 0, 1 << 62)])

    assert [-5, 0, 1 << 62] == [time for time, _, _ in merged([tape], None, None)]


def test_one_tape_comes_in_whole_blocks() -> None:
    """A single tape costs nothing per row: every block is one run."""
    first, second = trades(1, 2, 2, 3), trades(3, 4)

    assert [(first, 0, 4), (second, 0, 2)] == list(ReplayLoader().merge([MemoryTape([first, second])]))


def test_ties_go_to_the_earlier_tape() -> None:
    """At one time all rows of the first tape come before those of the second."""
    one, two = trades(1, 5, 5, 9), timers(5, 5)

    runs = list(ReplayLoader().merge([MemoryTape([one]), MemoryTape([two])]))

    assert [(one, 0, 3), (two, 0, 2), (one, 3, 4)] == runs


def test_a_run_ends_before_the_nearest_of_several_tapes() -> None:
    """Of three tapes, the one that comes next is found wherever it stands in the list."""
    times = [(1, 7), (9,), (5,)]

    for order in permutations(times):
        assert [1, 5, 7, 9] == [
            t for t, _, _ in merged([MemoryTape([trades(*row)]) for row in order], None, None)
        ]


def test_nothing_is_read_past_the_end() -> None:
    """Blocks behind the end are not asked for: a bad line there does no harm."""
    tape = MemoryTape([trades(1, 2), trades(8, 9), trades(10)])

    assert [(1, 0, 0), (2, 0, 1)] == merged([tape], None, 5)
    assert 2 == len(tape.asked)


def test_a_trade_becomes_its_event() -> None:
    """Every column is handed on."""
    block = TradeBlock("ETH/USDT", [7], [100], [5], [Side.SELL], [42])

    assert [TradeReceived(7, "ETH/USDT", 100, 5, Side.SELL, 42)] == list(
        ReplayLoader().load_events(MemoryTape([block]))
    )


def test_a_bar_is_known_at_its_end_and_never_before() -> None:
    """The event's time is the close: what is decided on a bar cannot look ahead."""
    block = BarBlock("BTC/USDT", "1m", INTERVAL, [30], [1], [4], [1], [3], [9])
    candle = Candle(open_ns=30, close_ns=40, open=1, high=4, low=1, close=3, volume=9)

    assert [CandleClosed(40, "BTC/USDT", "1m", candle)] == list(
        ReplayLoader().load_events(MemoryTape([block]))
    )
    assert [] == list(ReplayLoader().load_events(MemoryTape([block]), None, 40))


@pytest.mark.parametrize("block", [trades(1, 2, 3), bars(1, 2, 3), timers(1, 2, 3)])
def test_a_run_gives_its_rows_alone(block: Block) -> None:
    """Only the rows from start up to stop become events."""
    events: list[Event] = list(block_events(block, 1, 2))

    assert [2] == [event.time_ns for event in events]
