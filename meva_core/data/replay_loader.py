"""Bring recordings into one order of time; read no file and judge no price.

Ties are broken by the position of the tape in the list, then by the row in its tape, so that the same tapes
in the same order always give the same sequence.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from operator import itemgetter
from typing import assert_never

from attrs import define

from meva_core.data.whole_columns import shifted
from meva_core.events import CandleClosed, Event, TradeReceived
from meva_core.model.market import NEVER_NS, Candle
from meva_core.ports.market_feed import BarBlock, Block, Column, EventBlock, Tape, TradeBlock


@define
class Window:
    """Hold rows of several tapes, of different symbols each, that all come before whatever is read later.

    *runs* (block, start, stop) stand in the order of their tapes; *rows* counts all of them together.
    """

    runs: list[tuple[TradeBlock | BarBlock, int, int]]
    rows: int


class ReplayLoader:
    """Walk tapes from *start_ns* up to, and not including, *end_ns*; `None` stands for no bound.

    Memory is constant: one block per tape is held.
    """

    def load_events(
        self, tape: Tape, start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[Event]:
        """Yield one event per row of *tape*; the convenient way, `merge` is the quick one."""
        for block, start, stop in self.merge([tape], start_ns, end_ns):
            yield from block_events(block, start, stop)

    def merge(
        self, tapes: Sequence[Tape], start_ns: int | None = None, end_ns: int | None = None
    ) -> Iterator[tuple[Block, int, int]]:
        """Yield runs (block, start, stop) of rows that no other tape comes between.

        A single tape costs nothing per row, several cost one search per run.
        """
        for piece, start, stop in self.pieces(tapes, start_ns, end_ns):
            assert not isinstance(piece, Window), "none was asked for"
            yield piece, start, stop

    def pieces(
        self,
        tapes: Sequence[Tape],
        start_ns: int | None = None,
        end_ns: int | None = None,
        *,
        window_rows: int | None = None,
    ) -> Iterator[tuple[Block | Window, int, int]]:
        """Yield runs as `merge` does, and where tapes take turns windows of *window_rows* rows or more."""
        cursors = [_Cursor(tape, -NEVER_NS if start_ns is None else start_ns) for tape in tapes]
        heap = [(cursor.head_ns, position) for position, cursor in enumerate(cursors) if cursor.advance()]
        heapify(heap)
        end = NEVER_NS if end_ns is None else end_ns
        fresh = window_rows is not None
        while heap and heap[0][0] < end:
            if fresh and window_rows is not None and len(heap) > 1:
                fresh = False
                taking_turns = [cursors[position] for _, position in sorted(heap, key=itemgetter(1))]
                window = _window(taking_turns, end, window_rows)
                if window is not None:
                    yield window, 0, window.rows
                    heap = [(cursors[position].head_ns, position) for _, position in heap]
                    heapify(heap)
                    continue
            position = heap[0][1]
            cursor = cursors[position]
            rival_ns, rival = min(heap[1:3], default=(end, -1))
            if rival_ns >= end:
                rival_ns, rival = end, -1
            yield cursor.take(rival_ns, inclusive=position < rival)
            if cursor.is_read and window_rows is not None:
                fresh = True  # The next block may bring a window.
            if cursor.advance():
                heapreplace(heap, (cursor.head_ns, position))
            else:
                heappop(heap)


class _Cursor:
    """Stand at one row of one tape."""

    __slots__ = ("_block", "_blocks", "_row", "_start_ns", "_times")

    def __init__(self, tape: Tape, start_ns: int) -> None:
        self._blocks = tape.blocks()
        self._block: Block = EventBlock([])
        self._times: Column = []
        self._row = 0
        self._start_ns = start_ns

    @property
    def head_ns(self) -> int:
        return self._times[self._row]

    @property
    def is_read(self) -> bool:
        """Return whether the block has no further row."""
        return self._row == len(self._times)

    @property
    def last_ns(self) -> int:
        """Return the time of the block's last row."""
        return self._times[-1]

    @property
    def symbol(self) -> str | None:
        """Return the symbol of the block, `None` for one of mixed events."""
        return None if isinstance(self._block, EventBlock) else self._block.symbol

    def part(self, until_ns: int) -> tuple[TradeBlock | BarBlock, int, int]:
        """Return the run of rows before *until_ns*, of which there may be none."""
        assert not isinstance(self._block, EventBlock), "mixed events are handled one by one"
        return self._block, self._row, bisect_left(self._times, until_ns, self._row)

    def stand_at(self, row: int) -> None:
        """Go on from *row*."""
        self._row = row

    def advance(self) -> bool:
        """Load blocks until there is a row at or after the start; return whether there is one."""
        while self._row >= len(self._times):
            block = next(self._blocks, None)
            if block is None:
                return False
            self._block, self._times = block, event_times(block)
            self._row = bisect_left(self._times, self._start_ns)
        return True

    def take(self, until_ns: int, *, inclusive: bool) -> tuple[Block, int, int]:
        """Return the run of rows before *until_ns* (or at it, when *inclusive*) and stand after it."""
        search = bisect_right if inclusive else bisect_left
        start, self._row = self._row, search(self._times, until_ns, self._row)
        assert start < self._row, "the earliest head is always taken"
        return self._block, start, self._row


def _window(cursors: Sequence[_Cursor], end: int, rows_min: int) -> Window | None:
    """Take the rows that come before the end of every cursor's block; `None` where they are too few, or do not mix.

    The last row of the block that ends first stays, and with it whatever has its time: ties need the next block.
    """
    symbols = [cursor.symbol for cursor in cursors]
    if None in symbols or len(set(symbols)) < len(symbols):
        return None
    until_ns = min(end, *[cursor.last_ns for cursor in cursors])
    runs = [cursor.part(until_ns) for cursor in cursors]
    counts = [stop - start for _, start, stop in runs]
    if sum(counts) < rows_min or max(counts) == sum(counts):
        return None  # One tape alone takes no turns.
    for cursor, (_, _, stop) in zip(cursors, runs, strict=True):
        cursor.stand_at(stop)
    return Window(runs, sum(counts))


def event_times(block: Block) -> Column:
    """Return when the agent learns of each row; a bar is known at its end, never before."""
    if isinstance(block, TradeBlock):
        return block.times
    if isinstance(block, BarBlock):
        return shifted(block.open_times, block.interval_ns)
    if isinstance(block, EventBlock):
        return [event.time_ns for event in block.events]
    assert_never(block)


def block_events(block: Block, start: int, stop: int) -> Iterator[Event]:
    """Yield the rows from *start* up to *stop* of *block* as events."""
    if isinstance(block, TradeBlock):
        return _trade_events(block, start, stop)
    if isinstance(block, BarBlock):
        return _bar_events(block, start, stop)
    if isinstance(block, EventBlock):
        return iter(block.events[start:stop])
    assert_never(block)


def _trade_events(block: TradeBlock, start: int, stop: int) -> Iterator[Event]:
    for row in range(start, stop):
        yield TradeReceived(
            time_ns=block.times[row],
            symbol=block.symbol,
            price_ticks=block.prices[row],
            quantity_lots=block.quantities[row],
            taker_side=block.taker_sides[row],
            trade_id=block.ids[row],
        )


def _bar_events(block: BarBlock, start: int, stop: int) -> Iterator[Event]:
    for row in range(start, stop):
        candle = bar_of(block, row)
        yield CandleClosed(candle.close_ns, block.symbol, block.timeframe, candle)


def bar_of(block: BarBlock, row: int) -> Candle:
    """Return one bar of *block*."""
    open_ns = block.open_times[row]
    return Candle(
        open_ns,
        open_ns + block.interval_ns,
        block.opens[row],
        block.highs[row],
        block.lows[row],
        block.closes[row],
        block.volumes[row],
    )
