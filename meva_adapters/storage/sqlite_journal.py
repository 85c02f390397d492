"""Keep a session in one SQLite file: journal, snapshots and the tables people query; decide nothing.

A commit is one transaction: it holds every event before it, so no order stands in the file without its cause.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self

import attrs

from meva_adapters.storage.chain import chained
from meva_adapters.storage.codec import encode, encode_commands, encode_event, encode_texts
from meva_adapters.storage.look_back import LookBack
from meva_adapters.storage.market_segments import MARKET_EVENTS, OpenSegment
from meva_adapters.storage.pending import Drained, Pending
from meva_adapters.storage.registers import register, register_ledger
from meva_adapters.storage.retention import STEP_ROWS, retire, thin_checkpoints
from meva_adapters.storage.secured import FORGET, WRITE, read_back
from meva_adapters.storage.session_file import SessionFile, create_file, open_file, storage_errors
from meva_adapters.storage.session_reader import Head, SessionReader, genesis, header_rows
from meva_core.errors import InvariantError, StorageError
from meva_core.model.state import CanonicalState
from meva_core.ports.market_feed import BarBlock, TradeBlock
from meva_core.ports.storage import JournalEntry, LedgerRow, OrderSpan, SessionHeader, Sight, Wanted

SEGMENT_EVENTS: Final = (
    4_096  # 12 bytes an event; live sessions take 256, so that no order waits for packing.
)
SNAPSHOTS_KEPT: Final = 3
# A reader, and whoever releases the file, waits no longer than this for a disk that hangs. A write that was not made
# for that would count as failed: it waits, and how long is for whoever asked for it to judge.
PATIENCE_S: Final = 5.0
_WITHOUT_LIMIT: Final = -1.0
AGENT: Final = "agent"
STATE: Final = "state"


class SqliteSession:
    """Keep one session in one file. Appending may go on while another thread commits."""

    def __init__(
        self, file: SessionFile, *, segment_events: int, snapshots_kept: int, market_kept_ns: int | None
    ) -> None:
        self._file = file
        self._market_kept_ns = market_kept_ns
        self._snapshots_kept = snapshots_kept
        self._reader = SessionReader(file.database.conn, file.path)
        self._look_back = LookBack(file.database.conn, file.path, genesis(self._reader.header))
        self._head = self._reader.head()
        self._committed = self._head.last_sequence
        self._pending = Pending(
            last_sequence=self._head.last_sequence, link=self._head.link, segment_events=segment_events
        )
        self._writing = Lock()
        self._failure: BaseException | None = None
        self._closed = False
        self._goes_on = self._committed > 0  # The results of an earlier end are of no session that goes on.

    @classmethod
    def create(
        cls,
        path: Path,
        header: SessionHeader,
        *,
        segment_events: int = SEGMENT_EVENTS,
        snapshots_kept: int = SNAPSHOTS_KEPT,
        market_kept_ns: int | None = None,
    ) -> Self:
        """Start a session in a new file at *path*; raise `StorageError` when there is one already.

        Who will `retire` what is older than *market_kept_ns* says so: checkpoints are kept to verify the rest from.
        """
        file = create_file(path)
        with _releasing(file), storage_errors(path):
            start = genesis(header)
            with file.database.atomic():
                file.database.table("header").insert_all(header_rows(header))
                head = Head(0, 0, b"", start, start, 0, start)
                file.database.table("head").insert({"id": 1, **attrs.asdict(head)})
            return cls(
                file,
                segment_events=segment_events,
                snapshots_kept=snapshots_kept,
                market_kept_ns=market_kept_ns,
            )

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        account: str | None = None,
        mode: str | None = None,
        segment_events: int = SEGMENT_EVENTS,
        snapshots_kept: int = SNAPSHOTS_KEPT,
        market_kept_ns: int | None = None,
    ) -> Self:
        """Continue the session at *path* after its last commit.

        Raises `StorageError` when it is of another *account* or *mode*, in use, damaged, or no session.
        """
        file = open_file(path)
        with _releasing(file):
            session = cls(
                file,
                segment_events=segment_events,
                snapshots_kept=snapshots_kept,
                market_kept_ns=market_kept_ns,
            )
            session._refuse_other(account, mode)
            session._take_over_secured()
            return session

    @property
    def path(self) -> Path:
        """Return the file's place."""
        return self._file.path

    @property
    def header(self) -> SessionHeader:
        """Return what the session was started with."""
        return self._reader.header

    def append(self, entry: JournalEntry, postings: Sequence[LedgerRow] = ()) -> None:
        """Buffer *entry* and what it books; raise `InvariantError` unless its sequence follows the last one."""
        self._refuse_failed()
        self._pending.append(entry, postings)

    def append_trades(self, first_sequence: int, block: TradeBlock, *, start: int, stop: int) -> None:
        """Buffer rows *start* to *stop* of *block* as one event each, from which nothing followed."""
        self._refuse_failed()
        self._pending.append_trades(first_sequence, block, start=start, stop=stop)

    def append_bars(self, first_sequence: int, block: BarBlock, *, start: int, stop: int) -> None:
        """Buffer rows *start* to *stop* of *block* as one event each, from which nothing followed."""
        self._refuse_failed()
        self._pending.append_bars(first_sequence, block, start=start, stop=stop)

    def commit(self) -> None:
        """Make everything appended so far durable, in one transaction; raise `StorageError` otherwise."""
        with self._transaction() as connection:
            self._write(connection, self._pending.drain())

    def securing(self) -> Callable[[], None]:
        """Read what waits for a commit now, and return what makes it durable at once; see the port."""
        self._refuse_failed()
        with _unstorable_values():
            waiting = self._pending.waiting()

        connection = self._file.database.conn

        # An order waits for it, so it goes straight to the disk.
        def store() -> None:
            self._enter(_WITHOUT_LIMIT)
            try:
                self._refuse_failed()
                head = self._head
                if waiting.last_sequence <= head.last_sequence:  # A commit was faster.
                    return
                try:
                    connection.execute(WRITE, waiting.row(head.journal_chain))
                except BaseException:
                    with self._failing():
                        raise
            finally:
                self._writing.release()

        return store

    def entries(self, after_sequence: int = 0) -> Iterator[JournalEntry]:
        """Yield the committed entries with a larger sequence, in order, as of the moment of the call."""
        with self._reading() as reader:
            return reader.entries(after_sequence)

    def last_sequence(self) -> int:
        """Return the sequence of the last committed entry, 0 when there is none."""
        return self._committed

    def save(self, sequence: int, checkpoint: dict[str, Any]) -> None:
        """Store *checkpoint* taken after event *sequence*, and commit everything appended so far with it."""
        self.saving(sequence, checkpoint)()

    def saving(self, sequence: int, checkpoint: dict[str, Any]) -> Callable[[], None]:
        """Read *checkpoint* now, and return what does the rest of `save`; another thread may call it, once."""
        if sequence > self._pending.last_sequence:
            facts = f"snapshot after event {sequence}, journal ends at {self._pending.last_sequence}"
            raise InvariantError("a snapshot never runs ahead of its journal", facts)
        encoded = encode(checkpoint)

        def store() -> None:
            with self._transaction() as connection:
                self._write(connection, self._pending.drain())
                self._save(connection, AGENT, sequence=sequence, checkpoint=encoded)

        return store

    def load_latest(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest checkpoint with its sequence, or `None`."""
        with self._reading() as reader:
            return reader.snapshot(AGENT)

    def span_of(self, client_order_id: str) -> OrderSpan | None:
        """Return where the order's story begins; see the port."""
        with self._reading():
            return self._look_back.span_of(client_order_id)

    def look_back(self, before_sequence: int, *, rows_max: int, wanted: Wanted | None = None) -> Sight:
        """Return those of the last rows before *before_sequence* that are wanted; see the port."""
        with self._reading():
            return self._look_back.look_back(before_sequence, rows_max=rows_max, wanted=wanted)

    def look_for(self, client_order_id: str, after_sequence: int, *, rows_max: int) -> Sight:
        """Return those of the next rows that name the order, or concern all; see the port."""
        with self._reading():
            return self._look_back.look_for(client_order_id, after_sequence, rows_max=rows_max)

    def newest_ids(self) -> tuple[str, dict[str, str]]:
        """Return the largest id of an order, empty for none, and of a trade by symbol; see the reader."""
        with self._reading() as reader:
            return reader.newest_ids()

    def save_state(self, state: CanonicalState) -> None:
        """Store the canonical state by itself."""
        encoded = encode(state)
        with self._transaction() as connection:
            self._save(connection, STATE, sequence=state.sequence.events, checkpoint=encoded)

    def load_state(self) -> CanonicalState | None:
        """Return the newest state that was stored by itself, or `None`."""
        with self._reading() as reader:
            found = reader.snapshot(STATE)
        if found is None:
            return None
        state = found[1]
        assert isinstance(state, CanonicalState)
        return state

    def retire(self, before_ns: int, *, rows_max: int = STEP_ROWS) -> bool:
        """Drop a few of the oldest market events that nothing needs, see the port; return whether any went."""
        with self._transaction() as connection:
            before = self._head
            head = retire(connection, before, AGENT, before_ns=before_ns, rows_max=rows_max)
            if head != before:
                self._write_head(connection, head)
        return head != before

    def close(self, results: Sequence[tuple[str, str]] = ()) -> None:
        """Commit, note final *results*, and release the file; after a failed commit, release it only."""
        if self._closed:
            return
        try:
            if self._failure is None:
                rows = [{"name": name, "value": value} for name, value in results]
                with self._transaction(PATIENCE_S) as connection:
                    self._write(connection, self._pending.drain())
                    connection.execute(FORGET)
                    self._file.database.table("results").insert_all(rows, pk="name", replace=True)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Release the file and forget what was not committed; wait for a commit that is under way.

        Where the disk hangs the file is left to the end of the process, which SQLite outlives as it does a kill.
        """
        if self._closed:
            return
        self._closed = True
        if self._writing.acquire(timeout=PATIENCE_S):
            try:
                self._file.close()
            finally:
                self._writing.release()

    @contextlib.contextmanager
    def _transaction(self, patience_s: float = _WITHOUT_LIMIT) -> Iterator[sqlite3.Connection]:
        """Commit what the block writes, or take it all back and accept nothing more."""
        with self._alone(patience_s), self._failing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
            self._committed = self._head.last_sequence

    @contextlib.contextmanager
    def _failing(self) -> Iterator[sqlite3.Connection]:
        """Accept nothing more when the block fails; whatever it did not commit is taken back."""
        self._refuse_failed()
        connection, head = self._file.database.conn, self._head
        try:
            with storage_errors(self._file.path), _unstorable_values():
                yield connection
        except BaseException as problem:
            self._failure, self._head = problem, head
            # The first failure is the one to report, whatever becomes of the rollback.
            with contextlib.suppress(sqlite3.Error):
                connection.rollback()
            raise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[SessionReader]:
        """Give the reader while no commit is under way, whose rows it would see half written."""
        with self._alone(PATIENCE_S):
            self._refuse_failed()
            yield self._reader

    @contextlib.contextmanager
    def _alone(self, patience_s: float) -> Iterator[None]:
        """Keep other threads from the file; raise `StorageError` where one of them does not come to its end."""
        self._enter(patience_s)
        try:
            yield
        finally:
            self._writing.release()

    def _enter(self, patience_s: float) -> None:
        if not self._writing.acquire(timeout=patience_s):
            problem = f"does not answer: a read or commit has not come to its end for {patience_s:g} s."
            raise StorageError(str(self._file.path), problem, "Look at the disk, then start again.")

    def _take_over_secured(self) -> None:
        """Append what was secured when a process ended before its commit, and commit it."""
        row = self._reader.secured(self._head)
        if row is None:
            return
        ends = {"journal_chain": self._head.journal_chain, "link": self._head.link}
        entries, ledger = read_back(row, **ends, source=str(self._file.path))
        for entry in entries[:-1]:
            self.append(entry)
        self.append(entries[-1], ledger)
        self.commit()

    def _write(self, connection: sqlite3.Connection, drained: Drained) -> None:
        if drained.empty:
            return
        if self._goes_on:
            connection.execute("DELETE FROM results")
            self._goes_on = False
        head = attrs.evolve(
            self._head,
            last_sequence=drained.last_sequence,
            batches=self._head.batches + len(drained.batches),
            link=drained.link,
            journal_chain=_write_entries(connection, drained.entries, self._head.journal_chain),
            market_chain=_write_market(connection, drained.batches, self._head),
        )
        register_ledger(connection, drained.ledger)
        self._write_head(connection, head)

    def _write_head(self, connection: sqlite3.Connection, head: Head) -> None:
        connection.execute(
            "UPDATE head SET last_sequence = ?, batches = ?, link = ?, journal_chain = ?, market_chain = ?,"
            " retired_sequence = ?, retired_chain = ?",
            attrs.astuple(head),
        )
        self._head = head

    def _save(self, connection: sqlite3.Connection, kind: str, *, sequence: int, checkpoint: bytes) -> None:
        digest = chained(b"", kind, sequence, checkpoint)
        connection.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)", (kind, sequence, checkpoint, digest)
        )
        kept_ns = self._market_kept_ns if kind == AGENT else None
        thin_checkpoints(connection, kind, newest=self._snapshots_kept, kept_ns=kept_ns)

    def _refuse_other(self, account: str | None, mode: str | None) -> None:
        header = self.header
        if account in {None, header.account} and mode in {None, header.mode}:
            return
        problem = (
            f'CFG-150 store belongs to account "{header.account}", mode {header.mode};'
            f" configured: {account or header.account}, {mode or header.mode}."
        )
        raise StorageError(str(self._file.path), problem, "Choose another store file.")

    def _refuse_failed(self) -> None:
        if self._closed:
            raise StorageError(str(self._file.path), "is closed.", "Open the session again.")
        if self._failure is not None:
            problem = f"takes nothing more after a failed commit ({self._failure})."
            raise StorageError(str(self._file.path), problem, "Mend the cause and start again.")


def _write_entries(connection: sqlite3.Connection, entries: list[JournalEntry], chain: bytes) -> bytes:
    rows = []
    for entry in entries:
        fields = _row_of(entry)
        chain = chained(chain, *fields)
        rows.append((*fields, chain))
        register(connection, entry)
    connection.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return chain


def _write_market(connection: sqlite3.Connection, batches: list[list[OpenSegment]], head: Head) -> bytes:
    chain = head.market_chain
    for number, batch in enumerate(batches, start=head.batches + 1):
        for segment in (pending.seal() for pending in batch):
            key = segment.key
            ends = (segment.first_sequence, segment.last_sequence)
            fields = (number, key.kind, key.symbol, key.timeframe, *ends, segment.rows, segment.columns)
            chain = chained(chain, *fields)
            connection.execute(
                "INSERT INTO market (batch, kind, symbol, timeframe, first_sequence, last_sequence, rows,"
                " columns, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*fields, chain),
            )
    return chain


@contextlib.contextmanager
def _unstorable_values() -> Iterator[None]:
    """Report what SQLite or the columns cannot hold as the bug of ours that it is."""
    try:
        yield
    except (OverflowError, ValueError) as problem:
        raise InvariantError("every journaled value can be stored", str(problem)) from problem


@contextlib.contextmanager
def _releasing(file: SessionFile) -> Iterator[None]:
    """Close *file* if the block fails."""
    try:
        yield
    except BaseException:
        file.close()
        raise


def _row_of(entry: JournalEntry) -> tuple[int, int, str, bytes | None, bytes | None, bytes | None, bytes]:
    event = entry.event
    return (
        entry.sequence,
        event.time_ns,
        type(event).__name__,
        None if isinstance(event, MARKET_EVENTS) else encode_event(event),
        encode_commands(entry.commands) if entry.commands else None,
        encode_texts(entry.decisions) if entry.decisions else None,
        entry.link,
    )
