"""Appending may go on while another thread commits, and reading while nobody waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from meva_adapters.contracts.storage_samples import HEADER, TRADES, timer
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError

COUNT = 3_000


@pytest.fixture
def session(tmp_path: Path) -> Iterator[SqliteSession]:
    """Return a new session."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER, segment_events=16)
    yield session
    session.abandon()


def test_a_writer_thread_commits_what_another_appends(session: SqliteSession) -> None:
    """No entry is lost, doubled or moved, and what was committed is readable at any moment."""
    done = Event()

    def commit_until_done() -> list[int]:
        seen = []
        while not done.is_set():
            session.commit()
            last = session.last_sequence()
            seen.append(last)
            assert last == max((entry.sequence for entry in session.entries(max(0, last - 5))), default=0)
        return seen

    with ThreadPoolExecutor(1) as writer:
        seen = writer.submit(commit_until_done)
        try:
            for sequence in range(1, COUNT + 1):
                if sequence % 5:
                    session.append(timer(sequence))
                else:
                    session.append_trades(sequence, TRADES, start=0, stop=1)
        finally:
            done.set()
        assert sorted(seen.result()) == seen.result()
    session.close()
    with SessionTape(session.path) as tape:
        assert list(range(1, COUNT + 1)) == [entry.sequence for entry in tape.entries()]


def test_a_paused_reader_keeps_nobody_waiting(session: SqliteSession) -> None:
    """A session can commit and close under a reader; the reader is told, by name."""
    for sequence in range(1, 200):
        session.append(timer(sequence))
    session.commit()
    reading = session.entries()
    assert timer(1) == next(reading)
    session.append(timer(200))
    session.close()

    assert ["session.db"] == [file.name for file in session.path.parent.iterdir()]
    with pytest.raises(StorageError, match=r"session\.db: is closed"):
        list(reading)
    with SessionTape(session.path) as tape:
        assert 200 == len(list(tape.entries()))


def test_a_read_that_hangs_breaks_no_write(session: SqliteSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit and an order's row wait for as long as it hangs; other readers are told, and nothing is lost."""
    monkeypatch.setattr("meva_adapters.storage.sqlite_journal.PATIENCE_S", 0.05)
    hangs, ends = Event(), Event()

    def hang(_name: str) -> Any:
        hangs.set()
        ends.wait()

    monkeypatch.setattr(session._look_back, "span_of", hang)
    session.append(timer(1))
    with ThreadPoolExecutor(3) as threads:
        try:
            reading = threads.submit(session.span_of, "o-1")
            hangs.wait()
            writes = [threads.submit(session.securing()), threads.submit(session.commit)]
            # It comes after both writes: had they any limit like its own, they would be over first.
            with pytest.raises(StorageError, match="does not answer"):
                session.load_latest()
            waiting = [not write.done() for write in writes]
        finally:
            ends.set()
        assert [None, None, None] == [work.result() for work in (reading, *writes)]
    assert [True, True] == waiting
    session.append(timer(2))
    session.close()
    with SessionTape(session.path) as tape:
        assert [1, 2] == [entry.sequence for entry in tape.entries()]


def test_closing_waits_for_a_commit(session: SqliteSession) -> None:
    """Whoever closes while a commit is under way finds it done."""
    for sequence in range(1, COUNT + 1):
        session.append(timer(sequence))
    with ThreadPoolExecutor(1) as writer:
        committed = writer.submit(session.commit)
        session.close()
        problem = committed.exception()

    assert problem is None or "is closed" in str(problem)
    with SessionTape(session.path) as tape:
        assert COUNT == len(list(tape.entries()))
