"""Read a recorded session as a tape, and entry by entry for verification; change no byte of it.

A session that was closed is read in place. One that was cut off still has its last commits in the write-ahead log,
which SQLite folds in by writing: there a private copy is read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from meva_adapters.storage.look_back import LookBack
from meva_adapters.storage.market_segments import Segment, bars_of, columns_of, trades_of
from meva_adapters.storage.session_file import check_integrity, open_for_reading, storage_errors
from meva_adapters.storage.session_reader import SessionReader, genesis
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from meva_core.model.fill import Fill
from meva_core.ports.market_feed import Block, EventBlock
from meva_core.ports.storage import JournalEntry, LedgerRow, SessionHeader


class SessionTape:
    """Give a session's market events as blocks, for a fresh replay, and all its entries, to verify one.

    Close it after use; it is a context manager. While it is open no agent can continue the session.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.ExitStack() as opening:
            opening.callback(os.close, open_for_reading(path))
            connection = opening.enter_context(_connection(path))
            self._path = path
            self._size_bytes = path.stat().st_size
            check_integrity(connection, path, size_bytes=self._size_bytes)
            reader = SessionReader(connection, path)
            if reader.secured(reader.head()) is not None:
                connection = _completed(path, opening)
                reader = SessionReader(connection, path)
            self._connection = connection
            self._reader = reader
            self._head = reader.head()
            self._position = 0
            self._resources = opening.pop_all()

    @property
    def header(self) -> SessionHeader:
        """Return what the session was started with."""
        return self._reader.header

    @property
    def source(self) -> str:
        """Return the name for messages."""
        return str(self._path)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that its market events are of, sorted."""
        with storage_errors(self._path):
            rows = self._connection.execute("SELECT DISTINCT symbol FROM market ORDER BY symbol").fetchall()
        return tuple(symbol for (symbol,) in rows)

    @property
    def digest(self) -> str:
        """Return the BLAKE2b-128, in hex, of everything that happened in the session."""
        content = (self._head.journal_chain, self._head.market_chain)
        return blake2b(b"".join(content), digest_size=16).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Return the recording's size, for progress."""
        return self._size_bytes

    @property
    def position_bytes(self) -> int:
        """Return how much of it has been read, for progress: by events, scaled to the size."""
        return self._size_bytes * self._position // max(1, self._head.last_sequence)

    def blocks(self) -> Iterator[Block]:
        """Yield the market events from the beginning; raise `StorageError` at the first that is damaged."""
        self._refuse_retired()
        return self._blocks()

    def entries(self, after_sequence: int = 0) -> Iterator[JournalEntry]:
        """Yield every event in order, each with the commands and decisions that followed from it."""
        return self._reader.entries(after_sequence)

    def journal_rows(self, after_sequence: int = 0) -> Iterator[tuple[Any, ...]]:
        """Yield the journal's rows as stored, see `SessionReader.journal_rows`."""
        return self._reader.journal_rows(self._head, after_sequence)

    @property
    def history(self) -> LookBack:
        """Return what looks back over the journal, as a running agent does."""
        return LookBack(self._connection, self._path, genesis(self._reader.header))

    def sequences_of(self, word: str, first_sequence: int) -> list[int]:
        """Return the events from *first_sequence* on whose row of the journal holds *word* anywhere, in order."""
        return self._reader.sequences_of(word, first_sequence, self._head)

    def columns(self, after_sequence: int = 0) -> Iterator[list[tuple[Segment, list[list[int]]]]]:
        """Yield the market events batch by batch, as columns, from the batch that reaches beyond *after_sequence*.

        See `columns_of` for their order. Raise `StorageError` where they were retired, or at the first that is damaged.
        """
        if after_sequence < self._head.retired_sequence:
            self._refuse_retired()
        for batch in self._reader.batches(after_sequence, self._head):
            unpacked = []
            for segment in batch:
                with self._reader.unpacking(segment):
                    unpacked.append((segment, columns_of(segment)))
            yield unpacked

    def unpacking(self, segment: Segment) -> contextlib.AbstractContextManager[None]:
        """Turn what unpacking *segment* raises into `StorageError`."""
        return self._reader.unpacking(segment)

    @property
    def last_sequence(self) -> int:
        """Return how many events were committed."""
        return self._head.last_sequence

    @property
    def span_ns(self) -> tuple[int, int]:
        """Return the times of the first and last event; raise `StorageError` when there is none."""
        return self._reader.span_ns(self._head)

    def ledger(self) -> Iterator[LedgerRow]:
        """Yield every posting, in the order of booking."""
        return self._reader.ledger()

    def beginning(self) -> tuple[int, dict[str, Any] | None]:
        """Return where the session can be followed from: its start, or where market events were retired a checkpoint.

        That is the sequence of the last event before, and what the agent was then. Raises `StorageError` where the
        checkpoint is not the journal's.
        """
        if not self._head.retired_sequence:
            return 0, None
        found = self._reader.snapshot("agent", oldest=True)
        if found is None or found[0] < self._head.retired_sequence:
            problem = (
                f"has retired the market events up to {self._head.retired_sequence}, and keeps no checkpoint."
            )
            raise StorageError(self.source, problem, "Use an archived copy.")
        sequence, checkpoint = found
        if checkpoint.get("link") != self._reader.link_at(sequence):
            problem = f"has a checkpoint at event {sequence} of other decisions than the journal's."
            raise StorageError(self.source, problem, "Use an archived copy.")
        return sequence, checkpoint

    def fills(self, up_to_sequence: int) -> Iterator[tuple[int, str, Fill]]:
        """Yield time, strategy and fill of every order of ours, as of event *up_to_sequence*, in order of booking."""
        return self._reader.fills(up_to_sequence)

    def results(self) -> dict[str, str]:
        """Return the final results by name; empty when the session was cut off."""
        return self._reader.results()

    def close(self) -> None:
        """Let go of the file."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse_retired(self) -> None:
        retired = self._head.retired_sequence
        if retired:
            problem = (
                f"has retired the market events up to {retired}, so it cannot be replayed from its beginning."
            )
            raise StorageError(self.source, problem, "Use an archived copy.")

    def _blocks(self) -> Iterator[Block]:
        for batch in self._reader.batches(0, self._head):
            self._position = max(segment.last_sequence for segment in batch)
            yield self._columns(batch) or EventBlock(
                [event for _, event in self._reader.market_events(batch)]
            )
        self._position = self._head.last_sequence

    def _columns(self, batch: list[Segment]) -> Block | None:
        """Return a batch of one kind and symbol as a block of columns, the fast way."""
        if len(batch) > 1:
            return None
        [segment] = batch
        with self._reader.unpacking(segment):
            return trades_of(segment) or bars_of(segment)


@contextlib.contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.ExitStack() as resources:
        with storage_errors(path):
            log = path.with_name(path.name + "-wal")
            if log.exists() and log.stat().st_size:
                connection = _connected(_copied(path, log, resources), resources)
            else:
                connection = _connected(path.absolute(), resources, "?mode=ro&immutable=1")
        yield connection


def _completed(path: Path, resources: contextlib.ExitStack) -> sqlite3.Connection:
    """Return a connection to a private copy whose journal has the events that were only secured."""
    copy = _copied(path, path.with_name(path.name + "-wal"), resources)
    try:
        SqliteSession.open(copy).close()
    except StorageError as refused:
        raise StorageError(str(path), refused.problem, refused.remedy) from refused
    return _connected(copy, resources)


def _connected(place: Path, resources: contextlib.ExitStack, how: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(place))}{how}", uri=True, isolation_level=None, check_same_thread=False
    )
    resources.callback(connection.close)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection


def _copied(path: Path, log: Path, resources: contextlib.ExitStack) -> Path:
    directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="meva-session-")))
    place = directory / "session.db"
    shutil.copyfile(path, place)
    if log.exists():
        shutil.copyfile(log, place.with_name("session.db-wal"))
    return place
