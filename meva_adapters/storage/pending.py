"""Hold what was appended until it is committed, market events as columns; write nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from threading import Lock

from attrs import frozen

from meva_adapters.storage.event_count import EventCount
from meva_adapters.storage.market_segments import MARKET_EVENTS, OpenSegment, SegmentKey, key_of
from meva_adapters.storage.secured import Waiting, lay_out
from meva_core.events import CandleClosed, MarketEvent, TradeReceived
from meva_core.ports.market_feed import BarBlock, TradeBlock
from meva_core.ports.storage import JournalEntry, LedgerRow


@frozen
class Drained:
    """Hand over everything that was pending, in order. Segments of one batch may interleave, batches not.

    *entries* are those to keep as rows; the market events among them also stand in a segment.
    """

    batches: list[list[OpenSegment]]
    entries: list[JournalEntry]
    ledger: list[LedgerRow]
    last_sequence: int
    link: bytes

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to write."""
        return not (self.batches or self.entries or self.ledger)


class Pending:
    """Collect entries; appending and draining may happen in different threads."""

    def __init__(self, *, last_sequence: int, link: bytes, segment_events: int) -> None:
        self._count = EventCount(last_sequence)
        self._link = link
        self._segment_events = segment_events
        self._lock = Lock()
        self._open: dict[SegmentKey, OpenSegment] = {}
        self._open_events = 0
        self._batches: list[list[OpenSegment]] = []
        self._entries: list[JournalEntry] = []
        self._ledger: list[LedgerRow] = []

    @property
    def last_sequence(self) -> int:
        """Return the sequence of the last event that was appended."""
        return self._count.last_sequence

    def append(self, entry: JournalEntry, postings: Sequence[LedgerRow] = ()) -> None:
        """Take *entry* and what it books in one step; raise `InvariantError` unless its sequence follows the last."""
        with self._lock:
            self._count.advance(entry.sequence, 1)
            self._ledger += postings
            event = entry.event
            if isinstance(event, MARKET_EVENTS):
                self._add_market(entry.sequence, event)
                if not (entry.commands or entry.decisions or entry.link != self._link):
                    return
            self._entries.append(entry)
            self._link = entry.link

    def append_trades(self, first_sequence: int, block: TradeBlock, *, start: int, stop: int) -> None:
        """Take trades *start* to *stop* of *block*."""
        key = SegmentKey(TradeReceived.__name__, block.symbol)
        with self._lock:
            self._count.advance(first_sequence, stop - start)
            for low, high in self._portions(start, stop):
                self._segment(key).add_trades(first_sequence + low - start, block, start=low, stop=high)

    def append_bars(self, first_sequence: int, block: BarBlock, *, start: int, stop: int) -> None:
        """Take bars *start* to *stop* of *block*."""
        key = SegmentKey(CandleClosed.__name__, block.symbol, block.timeframe)
        with self._lock:
            self._count.advance(first_sequence, stop - start)
            for low, high in self._portions(start, stop):
                self._segment(key).add_bars(first_sequence + low - start, block, start=low, stop=high)

    def waiting(self) -> Waiting:
        """Lay out everything pending, and keep it."""
        with self._lock:
            last = self.last_sequence
            return lay_out(
                last - self._count.waiting + 1,
                last,
                segments=[*chain.from_iterable(self._batches), *self._open.values()],
                entries=self._entries,
                ledger=self._ledger,
            )

    def drain(self) -> Drained:
        """Return everything pending and forget it."""
        with self._lock:
            self._close_batch()
            drained = Drained(self._batches, self._entries, self._ledger, self.last_sequence, self._link)
            self._batches, self._entries, self._ledger = [], [], []
            self._count.waiting = 0
            return drained

    def _portions(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a block that fit the open batch; count each when the caller has taken it."""
        while start < stop:
            end = min(stop, start + self._segment_events - self._open_events)
            yield start, end
            self._fill(end - start)
            start = end

    def _add_market(self, sequence: int, event: MarketEvent) -> None:
        self._segment(key_of(event)).add(sequence, event)
        self._fill(1)

    def _segment(self, key: SegmentKey) -> OpenSegment:
        segment = self._open.get(key)
        if segment is None:
            segment = self._open[key] = OpenSegment.of(key)
        return segment

    def _fill(self, events: int) -> None:
        self._open_events += events
        if self._open_events >= self._segment_events:
            self._close_batch()

    def _close_batch(self) -> None:
        if self._open:
            self._batches.append(list(self._open.values()))
            self._open = {}
            self._open_events = 0
