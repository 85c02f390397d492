"""Keep a session in memory, for tests and experiments: every promise of the port but to outlive the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import Any

from meva_adapters.storage.codec import decode, encode
from meva_adapters.storage.event_count import EventCount
from meva_adapters.storage.look_back import fills_in
from meva_adapters.storage.market_segments import MARKET_EVENTS
from meva_core.commands import PlaceOrder
from meva_core.errors import InvariantError, StorageError
from meva_core.events import AgentStarted, CandleClosed, Event, TradeReceived
from meva_core.model.market import Candle
from meva_core.model.state import CanonicalState
from meva_core.ports.market_feed import BarBlock, TradeBlock
from meva_core.ports.storage import (
    Happening,
    JournalEntry,
    LedgerRow,
    OrderSpan,
    SessionHeader,
    Sight,
    Wanted,
)


class MemorySession:
    """Keep committed entries and snapshots in lists.

    *ledger* and *results* show what was recorded. `reopened` stands for the restart of a process.
    """

    def __init__(self, header: SessionHeader) -> None:
        self.header = header
        self.ledger: list[LedgerRow] = []
        self.results: dict[str, str] = {}
        self._committed: list[JournalEntry] = []
        self._forgotten = 0
        self._pending: list[JournalEntry] = []
        self._pending_ledger: list[LedgerRow] = []
        self._snapshots: dict[int, bytes] = {}
        self._count = EventCount(0)
        self._closed = False
        self._lock = Lock()  # One thread may append while another commits.

    def append(self, entry: JournalEntry, postings: Sequence[LedgerRow] = ()) -> None:
        """Buffer *entry* and what it books; raise `InvariantError` unless its sequence follows the last one."""
        self._refuse_closed()
        with self._lock:
            self._count.advance(entry.sequence, 1)
            self._pending.append(entry)
            self._pending_ledger += postings

    def append_trades(self, first_sequence: int, block: TradeBlock, *, start: int, stop: int) -> None:
        """Buffer rows *start* to *stop* of *block* as one event each, from which nothing followed."""
        self._refuse_closed()
        with self._lock:
            self._count.advance(first_sequence, stop - start)
            for index in range(start, stop):
                event = TradeReceived(
                    block.times[index],
                    block.symbol,
                    block.prices[index],
                    block.quantities[index],
                    block.taker_sides[index],
                    block.ids[index],
                )
                self._append_bare(first_sequence + index - start, event)

    def append_bars(self, first_sequence: int, block: BarBlock, *, start: int, stop: int) -> None:
        """Buffer rows *start* to *stop* of *block* as one event each, from which nothing followed."""
        self._refuse_closed()
        with self._lock:
            self._count.advance(first_sequence, stop - start)
            for index in range(start, stop):
                open_ns = block.open_times[index]
                close_ns = open_ns + block.interval_ns
                prices = (block.opens[index], block.highs[index], block.lows[index], block.closes[index])
                candle = Candle(open_ns, close_ns, *prices, block.volumes[index])
                event = CandleClosed(close_ns, block.symbol, block.timeframe, candle)
                self._append_bare(first_sequence + index - start, event)

    def commit(self) -> None:
        """Take over everything appended so far."""
        self._refuse_closed()
        with self._lock:
            self._committed += self._pending
            self.ledger += self._pending_ledger
            self._pending, self._pending_ledger = [], []
            self._count.waiting = 0

    def securing(self) -> Callable[[], None]:
        """Return what makes everything appended so far durable; a commit in memory is as fast as anything."""
        self._refuse_closed()
        return self.commit

    def entries(self, after_sequence: int = 0) -> Iterator[JournalEntry]:
        """Yield the committed entries with a larger sequence, in order."""
        self._refuse_closed()
        if after_sequence < self._forgotten:
            problem = f"has retired the market events up to {self._forgotten}."
            raise StorageError("memory", problem, "Read from there on.")
        return iter(self._committed[after_sequence - self._forgotten :])

    def last_sequence(self) -> int:
        """Return the sequence of the last committed entry, 0 when there is none."""
        return self._forgotten + len(self._committed)

    @property
    def kept(self) -> int:
        """Return how many committed entries are here; all of them, unless `keep_newest` was called."""
        return len(self._committed)

    def keep_newest(self, count: int) -> None:
        """Drop entries and snapshots that recovery needs no more: *count* entries and a snapshot before them stay."""
        first = self.last_sequence() - count
        start = max((place for place in self._snapshots if place <= first), default=self._forgotten)
        self._forget(start)

    def save(self, sequence: int, checkpoint: dict[str, Any]) -> None:
        """Store *checkpoint* taken after event *sequence*, and commit everything appended so far with it."""
        self.saving(sequence, checkpoint)()

    def saving(self, sequence: int, checkpoint: dict[str, Any]) -> Callable[[], None]:
        """Read *checkpoint* now, and return what does the rest of `save`; another thread may call it, once."""
        if sequence > self._count.last_sequence:
            facts = f"snapshot after event {sequence}, journal ends at {self._count.last_sequence}"
            raise InvariantError("a snapshot never runs ahead of its journal", facts)
        encoded = encode(checkpoint)

        def store() -> None:
            self.commit()
            self._snapshots[sequence] = encoded

        return store

    def retire(self, before_ns: int) -> bool:
        """Drop the events up to the newest checkpoint before *before_ns*; return whether any went."""
        self._refuse_closed()
        with self._lock:
            older = [place for place in self._snapshots if self._is_before(place, before_ns)]
            if not older:
                return False
            self._forget(max(older))
            return True

    def load_latest(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest checkpoint with its sequence, or `None`."""
        self._refuse_closed()
        if not self._snapshots:
            return None
        sequence = max(self._snapshots)
        return sequence, decode(self._snapshots[sequence], source=f"snapshot {sequence}")

    def span_of(self, client_order_id: str) -> OrderSpan | None:
        """Return which event placed the order; when it ended is not looked up."""
        self._refuse_closed()
        for entry in self._committed:
            if client_order_id in _placed_by(entry):
                return OrderSpan(entry.sequence, 0)
        return None

    def look_back(self, before_sequence: int, *, rows_max: int, wanted: Wanted | None = None) -> Sight:
        """Return those of the last events before *before_sequence* that are wanted; see the port."""
        rows = [row for row in self._happenings() if row.sequence < before_sequence]
        window = rows[-rows_max:]
        first = window[0] if len(window) == rows_max else None
        found = tuple(row for row in window if _is_wanted(row, wanted))
        return Sight(found, *((first.sequence, first.time_ns) if first else (0, 0)))

    def look_for(self, client_order_id: str, after_sequence: int, *, rows_max: int) -> Sight:
        """Return those of the next events that name the order, or concern all; see the port."""
        rows = [row for row in self._happenings() if row.sequence > after_sequence]
        window = rows[:rows_max]
        found = tuple(row for row in window if _concerns(row, client_order_id))
        last = window[-1] if len(window) == rows_max else None
        return Sight(found, *((last.sequence, last.time_ns) if last else (0, 0)))

    def close(self, results: Sequence[tuple[str, str]] = ()) -> None:
        """Commit, note final *results*, and refuse every later call."""
        if not self._closed:
            self.commit()
            self.results |= dict(results)
            self._closed = True

    def reopened(self) -> MemorySession:
        """Return the session as a new process would find it: with what was committed, and nothing else."""
        session = MemorySession(self.header)
        session._committed, session._forgotten = list(self._committed), self._forgotten
        session._count = EventCount(self.last_sequence())
        session._snapshots = dict(self._snapshots)
        session.ledger = list(self.ledger)
        session.results = dict(self.results)
        return session

    def _happenings(self) -> list[Happening]:
        self._refuse_closed()
        symbols: dict[str, str] = {}
        booked: set[tuple[str, str]] = set()
        rows = []
        for entry in self._committed:
            symbols |= _placed_by(entry)
            event = None if isinstance(entry.event, MARKET_EVENTS) else entry.event
            fills = tuple(fill for fill in fills_in(event) if (fill.symbol, fill.trade_id) not in booked)
            booked |= {(fill.symbol, fill.trade_id) for fill in fills}
            if event is not None or entry.commands or entry.decisions:
                symbol = symbols.get(getattr(event, "client_order_id", ""), "")
                told = (event, entry.commands, entry.decisions, symbol, fills)
                rows.append(Happening(entry.sequence, entry.event.time_ns, *told))
        return rows

    def _is_before(self, place: int, before_ns: int) -> bool:
        """Return whether the event *place* is here, and older than *before_ns*."""
        index = place - self._forgotten - 1
        return index >= 0 and self._committed[index].event.time_ns < before_ns

    def _forget(self, start: int) -> None:
        """Drop entries and snapshots up to event *start*, but for the snapshot after it."""
        del self._committed[: start - self._forgotten]
        self._forgotten = start
        self._snapshots = {place: kept for place, kept in self._snapshots.items() if place >= start}

    def _append_bare(self, sequence: int, event: Event) -> None:
        last = self._pending[-1] if self._pending else self._committed[-1] if self._committed else None
        self._pending.append(JournalEntry(sequence, event, (), (), last.link if last else b""))

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StorageError("memory", "is closed.", "Open the session again.")


def _placed_by(entry: JournalEntry) -> dict[str, str]:
    """Return the symbol of each order that *entry* placed, by its name."""
    requests = [command.request for command in entry.commands if isinstance(command, PlaceOrder)]
    return {request.client_order_id: request.symbol for request in requests}


def _is_wanted(row: Happening, wanted: Wanted | None) -> bool:
    if wanted is None or type(row.event).__name__ in wanted.events:
        return True
    return any(text.partition(" ")[0] in wanted.words for text in row.decisions)


def _concerns(row: Happening, name: str) -> bool:
    if isinstance(row.event, AgentStarted) or any(text.startswith("cancel_all ") for text in row.decisions):
        return True
    return any(name in str(part) for part in (row.event, row.commands, row.decisions))


class MemoryStateStore:
    """Keep the canonical state by itself, in memory."""

    def __init__(self) -> None:
        self._state: bytes | None = None

    def load(self) -> CanonicalState:
        """Return the newest state; raise `StorageError` when there is none."""
        if self._state is None:
            raise StorageError("memory", "holds no state yet.", "Save one first.")
        state = decode(self._state, source="memory")
        assert isinstance(state, CanonicalState)
        return state

    def save(self, state: CanonicalState) -> None:
        """Keep a copy of *state*."""
        self._state = encode(state)
