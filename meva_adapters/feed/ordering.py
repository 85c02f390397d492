"""Check that rows come in order of time, no trade twice and no book update missing; sort in memory where asked to."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import attrs

from meva_adapters.wire.times import text_of_ns
from meva_core.data.replay_loader import event_times
from meva_core.data.whole_columns import rises_by
from meva_core.errors import DataError
from meva_core.events import BookChanged, Event, StreamGapDetected, StreamLost, TradeReceived
from meva_core.ports.market_feed import BarBlock, Block, Column, EventBlock, TradeBlock

# The line (or row) numbers of a block's rows, and the block.
Numbered = tuple[Sequence[int], Block]

SORT_ROWS_MAX: Final = 2_000_000  # Some 300 MB; what is longer belongs sorted on disk.
# A reconnect repeats a few trades; repeats farther apart than this would need times that go backwards.
RECENT_IDS: Final = 65_536

_COLUMNS: Final[dict[type, tuple[str, ...]]] = {
    TradeBlock: ("times", "prices", "quantities", "taker_sides", "ids"),
    BarBlock: ("open_times", "opens", "highs", "lows", "closes", "volumes"),
    EventBlock: ("events",),
}


class Ordering:
    """Let rows through whose times never fall, without trades that were seen before.

    *duplicates* counts the dropped ones. Bars must not overlap. *fault* is the first place where a row was
    dropped or book updates are missing: a replay goes on, but its result rests on less than it seems to. A loss
    that the recording itself tells of is none.
    """

    def __init__(self, source: str) -> None:
        self.duplicates = 0
        self.fault: DataError | None = None
        self._source = source
        self._last_ns: int | None = None
        self._rows = 0
        self._recent: dict[str, _RecentIds] = defaultdict(_RecentIds)
        self._update_ids: dict[str, int] = {}

    def check(self, numbered: Iterable[Numbered]) -> Iterator[Numbered]:
        """Yield the rows in order; raise `DataError` at the first that is not, after those before it."""
        for lines, block in numbered:
            times = event_times(block)
            gap = block.interval_ns if isinstance(block, BarBlock) else 0
            bad = self._first_out_of_order(times, gap)
            if bad is None:
                self._last_ns = times[-1]
                self._rows += len(times)
                yield self._without_repeats(lines, block)
                continue
            if bad:
                yield self._without_repeats(lines[:bad], cut(block, 0, bad))
            before = times[bad - 1] if bad else self._last_ns
            assert before is not None, "only a later row can be out of order"
            raise self._out_of_order(lines[bad], times[bad], before, gap, self._rows + bad)

    def _first_out_of_order(self, times: Column, gap: int) -> int | None:
        last = self._last_ns
        if last is not None and times[0] < last + gap:
            return 0
        if rises_by(times, gap):
            return None
        return next((row for row in range(1, len(times)) if times[row] < times[row - 1] + gap), None)

    def _out_of_order(self, line: int, time_ns: int, before_ns: int, gap: int, row: int) -> DataError:
        now, before = text_of_ns(time_ns - gap), text_of_ns(before_ns - gap)
        if time_ns >= before_ns:
            problem = f"the bar of {now} begins before the bar of {before} has ended."
            return DataError(
                self._source, line, problem, "Remove the repeated bar, or name the right timeframe."
            )
        problem = f"time goes backwards: {now} follows {before}."
        remedy = "Sort the file by time, or pass --sort to sort it in memory."
        if row == 1:
            remedy = "The file seems to be newest first: pass --sort to turn it round in memory."
        return DataError(self._source, line, problem, remedy)

    def _without_repeats(self, lines: Sequence[int], block: Block) -> Numbered:
        if isinstance(block, TradeBlock):
            if block.ids[0] < 0:
                return lines, block
            recent = self._recent[block.symbol]
            kept = [row for row, trade_id in enumerate(block.ids) if recent.add(trade_id)]
        elif isinstance(block, EventBlock):
            self._note_gaps(lines, block.events)
            kept = [
                row
                for row, event in enumerate(block.events)
                if not isinstance(event, TradeReceived)
                or event.trade_id < 0
                or self._recent[event.symbol].add(event.trade_id)
            ]
        else:
            return lines, block
        if len(kept) == len(lines):
            return lines, block
        self.duplicates += len(lines) - len(kept)
        first = next((row for row, found in enumerate(kept) if row != found), len(kept))
        self._note_repeat(lines[first], block, first)
        return [lines[row] for row in kept], take(block, kept)

    def _note_repeat(self, line: int, block: TradeBlock | EventBlock, row: int) -> None:
        trade_id = (
            block.ids[row] if isinstance(block, TradeBlock) else getattr(block.events[row], "trade_id", -1)
        )
        problem = f"trade id {trade_id} had come before, and the repeated trade was dropped."
        self._note(DataError(self._source, line, problem, "Remove the repeated rows from the file."))

    def _note_gaps(self, lines: Sequence[int], events: Sequence[Event]) -> None:
        known = self._update_ids
        for line, event in zip(lines, events, strict=True):
            if isinstance(event, StreamLost):
                known.clear()  # What was missed until the next connection is told.
            elif isinstance(event, StreamGapDetected):
                known.pop(event.symbol, None)
            if not isinstance(event, BookChanged):
                continue
            last = known.get(event.symbol, event.last_update_id)
            if not event.snapshot and event.first_update_id > last + 1:
                missing = f"{last + 1} to {event.first_update_id - 1} of {event.symbol}"
                problem = (
                    f"book updates {missing} are missing, so the book was not used until the next snapshot."
                )
                remedy = "Record it again, or cut the file before this line."
                self._note(DataError(self._source, line, problem, remedy))
            known[event.symbol] = max(last, event.last_update_id)

    def _note(self, fault: DataError) -> None:
        if self.fault is None or fault.line < self.fault.line:
            self.fault = fault


class _RecentIds:
    """Remember the latest ids."""

    __slots__ = ("_known", "_order")

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._known: set[int] = set()

    def add(self, trade_id: int) -> bool:
        """Remember *trade_id*; return whether it is new."""
        if trade_id in self._known:
            return False
        if len(self._order) == RECENT_IDS:
            self._known.discard(self._order.popleft())
        self._order.append(trade_id)
        self._known.add(trade_id)
        return True


def sorted_rows(numbered: Iterable[Numbered], source: str) -> Iterator[Numbered]:
    """Yield all rows as one block in order of time; raise `DataError` beyond `SORT_ROWS_MAX` rows.

    Rows of one time keep their order, after a file that is newest first was turned round.
    """
    all_lines: list[int] = []
    blocks: list[Block] = []
    for lines, block in numbered:
        all_lines.extend(lines)
        blocks.append(block)
        if len(all_lines) > SORT_ROWS_MAX:
            problem = f"the file has more than the {SORT_ROWS_MAX} rows that are sorted in memory."
            raise DataError(source, lines[-1], problem, "Sort it on disk first.")
    if not blocks:
        return
    whole = _joined(blocks)
    times = event_times(whole)
    rows = range(len(times))
    order = sorted(reversed(rows) if times[0] > times[-1] else rows, key=times.__getitem__)
    yield [all_lines[row] for row in order], take(whole, order)


def cut(block: Block, start: int, stop: int) -> Block:
    """Return the rows from *start* up to *stop*."""
    return _mapped(block, lambda column: column[start:stop])


def take(block: Block, rows: Sequence[int]) -> Block:
    """Return the given *rows*, in their order."""
    return _mapped(block, lambda column: [column[row] for row in rows])


def _joined(blocks: Sequence[Block]) -> Block:
    names = _COLUMNS[type(blocks[0])]
    return _with_columns(
        blocks[0], {name: [value for block in blocks for value in getattr(block, name)] for name in names}
    )


def _mapped(block: Block, change: Callable[[list[Any]], list[Any]]) -> Block:
    return _with_columns(block, {name: change(getattr(block, name)) for name in _COLUMNS[type(block)]})


def _with_columns(block: Block, columns: dict[str, list[Any]]) -> Block:
    changed: Block = attrs.evolve(block, **columns)  # type: ignore[arg-type]  # The table names the fields.
    return changed
