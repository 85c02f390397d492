"""What was changed, lost or added behind a session's back is found by its chains, at the first such event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meva_adapters.contracts.storage_samples import HEADER, timer
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import InvariantError, StorageError
from meva_core.events import TimerFired
from meva_core.ports.storage import JournalEntry
from tests.integration.storage.sessions import change, closed_session, cut_off_session, rows


def found(path: Path) -> str:
    """Return what reading a whole session complains about, whoever reads it."""
    with pytest.raises(StorageError) as continued:
        read_whole(path)
    with pytest.raises(StorageError) as verified, SessionTape(path) as tape:
        list(tape.entries())

    assert str(continued.value) == str(verified.value)
    return str(continued.value)


def read_whole(path: Path) -> None:
    """Continue a session and read all of it."""
    session = SqliteSession.open(path)
    try:
        list(session.entries())
    finally:
        session.abandon()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Return a session of ten events, read once to show that it is sound."""
    path = closed_session(tmp_path / "session.db")
    read_whole(path)
    return path


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET time_ns = time_ns + 1 WHERE sequence = 3",
        "UPDATE journal SET kind = 'TimerFires' WHERE sequence = 3",
        "UPDATE journal SET event = x'7b7d' WHERE sequence = 3",
        "UPDATE journal SET commands = x'5b5d' WHERE sequence = 3",
        "UPDATE journal SET decisions = x'5b5d' WHERE sequence = 3",
        "UPDATE journal SET link = x'00' WHERE sequence = 3",
        "UPDATE journal SET chain = x'00' WHERE sequence = 3",
        "UPDATE journal SET sequence = 2 WHERE sequence = 3",
    ],
)
def test_a_changed_row_is_found(path: Path, sql: str) -> None:
    """No column of a journal row can change unnoticed."""
    change(path, sql)

    assert "has a changed, lost or added row at event" in found(path)


def test_lost_and_added_rows_are_found(path: Path, tmp_path: Path) -> None:
    """A row that is missing breaks the chain after it, a row that is new before it; the last one is known."""
    first, last, added = (tmp_path / name for name in ("first.db", "last.db", "added.db"))
    for copy in (first, last, added):
        copy.write_bytes(path.read_bytes())
    change(first, "DELETE FROM journal WHERE sequence = 3")
    change(last, "DELETE FROM journal WHERE sequence = 8")
    change(
        added,
        "INSERT INTO journal SELECT 5, 5, kind, event, commands, decisions, link, chain FROM journal LIMIT 1",
    )

    assert "row at event 8" in found(first)
    assert "does not end at event 10" in found(last)
    assert "row at event 5" in found(added)


@pytest.mark.parametrize(
    "assignment",
    [
        "batch = batch + 1",
        "kind = 'QuoteReceived'",
        "symbol = 'ETH/USDT'",
        "timeframe = '5m'",
        "first_sequence = first_sequence + 1",
        "last_sequence = last_sequence - 1",
        "rows = rows + 1",
        "columns = zeroblob(20)",
        "chain = x'00'",
    ],
)
@pytest.mark.parametrize("which", ["min", "max"])
def test_a_changed_segment_is_found(path: Path, assignment: str, which: str) -> None:
    """No column of the first or last segment of market events can change unnoticed."""
    change(path, f"UPDATE market SET {assignment} WHERE id = (SELECT {which}(id) FROM market)")

    assert re.search("changed, lost or added segment|does not end at event|has lost event", found(path))


def test_lost_and_swapped_segments_are_found(path: Path, tmp_path: Path) -> None:
    """Segments cannot go missing or change places."""
    lost, swapped = tmp_path / "lost.db", tmp_path / "swapped.db"
    for copy in (lost, swapped):
        copy.write_bytes(path.read_bytes())
    change(lost, "DELETE FROM market WHERE id = 2")
    change(swapped, "UPDATE market SET id = CASE id WHEN 1 THEN -2 ELSE -1 END WHERE id <= 2")
    change(swapped, "UPDATE market SET id = -id WHERE id < 0")

    assert "changed, lost or added segment" in found(lost)
    assert "changed, lost or added segment" in found(swapped)


@pytest.mark.parametrize("name", ["account", "config_json", "seed"])
def test_a_changed_header_is_found(path: Path, name: str) -> None:
    """The chains begin at the header: an account or a configuration cannot be exchanged."""
    change(path, "UPDATE header SET value = '1' WHERE name = ?", name)

    assert "at event" in found(path)


@pytest.mark.parametrize("name", ["seed", "mode"])
def test_an_incomplete_header_is_found(path: Path, name: str) -> None:
    """A header that lacks a field is named, not filled up."""
    change(path, "DELETE FROM header WHERE name = ?", name)

    assert "incomplete header" in found(path)


@pytest.mark.parametrize("assignment", ["last_sequence = 9", "journal_chain = x'00'", "market_chain = x'00'"])
def test_a_changed_head_is_found(path: Path, assignment: str) -> None:
    """Where the journal ends is told twice, and both must agree."""
    change(path, f"UPDATE head SET {assignment}")

    assert "does not end at event" in found(path)


def test_a_missing_head_and_table_are_found(path: Path) -> None:
    """A session without its head, or without a table, is damaged."""
    change(path, "DELETE FROM head")
    assert "has no head row" in found(path)
    change(path, "DROP TABLE head")
    assert "is damaged: no such table: head" in found(path)


def test_text_that_is_none_is_found(path: Path) -> None:
    """Bytes that are no text do not end in an error of the library."""
    change(path, "UPDATE header SET value = CAST(x'ff' AS TEXT) WHERE name = 'mode'")

    assert "is damaged" in found(path)


@pytest.mark.parametrize(
    ("sql", "at"),
    [
        ("UPDATE journal SET link = x'00' WHERE sequence = 8", 8),
        ("UPDATE market SET symbol = 'X' WHERE first_sequence = 9", 9),
    ],
)
def test_nothing_is_read_from_the_damage_on(path: Path, sql: str, at: int) -> None:
    """Whoever reads is stopped before the first event that was changed."""
    change(path, sql)
    read: list[int] = []
    with SessionTape(path) as tape:
        entries = tape.entries()
        with pytest.raises(StorageError, match=f"at events? {at}"):
            read.extend(entry.sequence for entry in entries)  # Keeps what came before the error.

    assert read == list(range(1, len(read) + 1))
    assert len(read) < at


@pytest.mark.parametrize("assignment", ["sequence = 0", "checkpoint = x'7b7d'", "digest = x'00'"])
def test_a_changed_checkpoint_is_found(tmp_path: Path, assignment: str) -> None:
    """An agent is never restored from a checkpoint that was not written for it."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER)
    session.append(timer(1))
    session.save(1, {"cash": "1"})
    session.close()
    change(session.path, f"UPDATE snapshots SET {assignment}")
    session = SqliteSession.open(session.path)

    with pytest.raises(StorageError, match="has a changed snapshot at event"):
        session.load_latest()
    session.abandon()


def test_a_checkpoint_is_no_state(tmp_path: Path) -> None:
    """What was saved as the agent's memory cannot be passed off as the canonical state."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER)
    session.save(0, {})
    session.close()
    change(session.path, "UPDATE snapshots SET kind = 'state'")
    session = SqliteSession.open(session.path)

    with pytest.raises(StorageError, match="has a changed snapshot at event 0"):
        session.load_state()
    session.abandon()


def test_a_log_cut_off_anywhere_leaves_whole_commits(tmp_path: Path) -> None:
    """Whatever part of the write-ahead log reached the disk, the session opens after one of its commits."""
    path = cut_off_session(tmp_path / "session.db")
    log = path.with_name("session.db-wal")
    file, whole = path.read_bytes(), log.read_bytes()
    ends = set()
    for cut in (*range(0, len(whole), 997), len(whole)):
        path.write_bytes(file)
        log.write_bytes(whole[:cut])
        try:
            with SessionTape(path) as tape:
                ends.add(len(list(tape.entries())))
        except StorageError as problem:
            ends.add(str(problem).split(": ", 1)[1].split(":")[0])
        log.unlink(missing_ok=True)

    assert {0, 5, 10, "was only begun"} == ends


def test_a_full_disk_stops_the_session_and_loses_nothing(tmp_path: Path) -> None:
    """A commit that fails is never half there; nothing more is taken, and a restart continues before it."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER)
    session.append(timer(1))
    session.commit()
    connection = session._file.database.conn
    [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    for sequence in range(2, 200):
        session.append(JournalEntry(sequence, TimerFired(sequence, "x" * 1_000), (), (), b""))
    with pytest.raises(StorageError, match="failed: database or disk is full"):
        session.commit()

    assert 1 == session.last_sequence()
    for call in (session.commit, session.entries, session.load_latest, lambda: session.append(timer(200))):
        with pytest.raises(StorageError, match=r"after a failed commit .+disk is full"):
            call()
    session.close([("equity", "1")])
    session = SqliteSession.open(session.path)
    session.append(timer(2))
    session.commit()
    assert [timer(1), timer(2)] == list(session.entries())
    session.close()
    assert [] == rows(session.path, "SELECT * FROM results")


@pytest.mark.parametrize("event", [TimerFired(2**63, "x"), TimerFired(1, "\ud800")], ids=["time", "text"])
def test_what_cannot_be_stored_stops_the_session(tmp_path: Path, event: TimerFired) -> None:
    """A value that the file cannot hold is a bug of ours: the commit fails whole, and says so."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER)
    session.append(timer(1))
    session.append(JournalEntry(2, event, (), (), b""))

    with pytest.raises((InvariantError, StorageError), match=r"can be stored|cannot be written"):
        session.commit()
    session.close()
    session = SqliteSession.open(session.path)
    assert [] == list(session.entries())
    session.abandon()
