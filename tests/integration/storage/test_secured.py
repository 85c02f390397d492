"""What is secured before its commit outlives the process, once and whole, and is found again wherever one reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from threading import Event as Gate
from threading import Thread

import pytest

from meva_adapters.contracts.storage_samples import (
    BARS,
    HEADER,
    TRADES,
    link_of,
    sample_entries,
    timer,
)
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.schema import MIGRATIONS, TABLES
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import InvariantError, StorageError
from meva_core.events import BookChanged, CandleClosed, QuoteReceived, TradeReceived
from meva_core.model.market import Candle, Side
from meva_core.ports.storage import JournalEntry, LedgerRow
from tests.integration.storage.sessions import change, closed_session, rows, secured_session

POSTING = LedgerRow(1, "fill:1", "asset", "BTC", Decimal("0.10"))
# Events of every market kind, a book of many levels and the largest number among them.
MARKET = (
    TradeReceived(4, "A/B", 2**63 - 1, 1, Side.SELL, 3, 2),
    QuoteReceived(5, "A/B", 1, 2, 3, 4, 5),
    BookChanged(6, "A/B", True, 1, 9, ((1, 2), (3, 4)), ((5, 6),), 7),
    CandleClosed(7, "A/B", "1m", Candle(1, 7, 2, 3, 1, 2, 9)),
    TradeReceived(8, "C/D", 5, 1, Side.BUY, 4),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a place for a session."""
    return tmp_path / "session.db"


@pytest.fixture
def session(path: Path) -> Iterator[SqliteSession]:
    """Return a new session with one event in its journal."""
    session = SqliteSession.create(path, HEADER, segment_events=3)
    session.append(timer(1))
    session.commit()
    yield session
    session.abandon()


def entries_at(path: Path) -> list[JournalEntry]:
    """Return what somebody reads who changes nothing; it is what a restarted process finds."""
    with SessionTape(path) as tape:
        read = list(tape.entries())
    session = SqliteSession.open(path)
    found = list(session.entries())
    session.abandon()
    assert read == found
    return found


def test_what_is_secured_outlives_the_process(session: SqliteSession, path: Path) -> None:
    """Entries and rows in bulk of every kind, with commands, decisions, links and postings; nothing after them."""
    expected = [timer(1)]
    for number, entry in enumerate(sample_entries(), start=2):
        expected.append(JournalEntry(number, entry.event, entry.commands, entry.decisions, entry.link))
    for number, event in enumerate(MARKET, start=6):
        expected.append(JournalEntry(number, event, (), (), link_of(3)))
    for entry in expected[1:]:
        session.append(entry, [POSTING] if entry.sequence == 3 else ())
    secure = session.securing()
    session.append(timer(11))
    secure()
    session.abandon()

    assert expected == entries_at(path)
    assert [("0.10",)] == rows(path, "SELECT amount FROM ledger")


def test_a_recovered_session_is_as_one_that_was_committed(tmp_path: Path) -> None:
    """Every row of every table is the same."""
    secured, committed = secured_session(tmp_path / "secured.db"), closed_session(tmp_path / "closed.db")
    SqliteSession.open(secured, segment_events=3).close([("equity", "100.10")])

    for table in TABLES:
        assert rows(committed, f"SELECT * FROM {table}") == rows(secured, f"SELECT * FROM {table}"), table


def test_securing_is_no_commit(session: SqliteSession, path: Path) -> None:
    """It becomes readable with the next commit, which holds it once; a session that was closed keeps no row of it."""
    session.append(timer(2))
    session.securing()()
    secured = session.last_sequence(), [entry.sequence for entry in session.entries()]
    session.append(timer(3))
    session.commit()
    committed = session.last_sequence(), [entry.sequence for entry in session.entries()]
    session.close()

    assert (1, [1]) == secured
    assert (3, [1, 2, 3]) == committed
    assert [1, 2, 3] == [entry.sequence for entry in entries_at(path)]
    assert [] == rows(path, "SELECT * FROM secured")


def test_the_newest_row_holds_everything_that_waits(session: SqliteSession, path: Path) -> None:
    """Secured twice, the second row takes the place of the first; after a commit a row is as good as none."""
    session.append(timer(2))
    session.securing()()
    session.append_trades(3, TRADES, start=0, stop=4)
    session.append_bars(7, BARS, start=0, stop=3)
    session.securing()()
    session.commit()
    session.append(timer(10))
    late = session.securing()
    session.commit()
    late()
    session.abandon()

    assert list(range(1, 11)) == [entry.sequence for entry in entries_at(path)]


def test_nothing_waits_and_nothing_is_written(session: SqliteSession, path: Path) -> None:
    """With an empty hand there is nothing to secure."""
    session.securing()()
    session.abandon()

    assert [] == rows(path, "SELECT * FROM secured")


def test_a_commit_in_another_thread_may_overtake(session: SqliteSession, path: Path) -> None:
    """Whatever the order in which two threads come to the file, every event is there once."""
    done = Gate()

    def commit_until_done() -> None:
        while not done.is_set():
            session.commit()

    thread = Thread(target=commit_until_done)
    thread.start()
    try:
        for sequence in range(2, 400):
            session.append(timer(sequence))
            session.securing()()
    finally:
        done.set()
        thread.join()
    session.abandon()

    assert list(range(1, 400)) == [entry.sequence for entry in entries_at(path)]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE secured SET last_sequence = last_sequence - 1",
        "UPDATE secured SET first_sequence = first_sequence + 1",
        "UPDATE secured SET content = x'7b7d'",
        "UPDATE secured SET market = x''",
        "UPDATE secured SET digest = x'00'",
    ],
)
def test_a_changed_row_is_found(path: Path, sql: str) -> None:
    """It is refused by whoever continues and by whoever only reads, under the name of the session itself."""
    change(secured_session(path), sql)

    for reading in (SqliteSession.open, SessionTape):
        with pytest.raises(StorageError, match="holds secured events that cannot be read") as refused:
            reading(path)
        assert str(path) == refused.value.path


def test_a_row_of_another_session_is_found(tmp_path: Path) -> None:
    """What was secured after one journal does not continue another."""
    mine, other = secured_session(tmp_path / "mine.db"), tmp_path / "other.db"
    session = SqliteSession.create(other, HEADER)
    for sequence in range(1, 6):
        session.append(timer(sequence))
    session.close()
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("ATTACH ? AS mine", (str(mine),))
        connection.execute("INSERT INTO secured SELECT * FROM mine.secured")

    with pytest.raises(StorageError, match="its digest is another"):
        SqliteSession.open(other)


def test_a_number_that_does_not_fit_is_a_bug_of_ours(session: SqliteSession) -> None:
    """A market event of more than 64 bits is told before anything is written."""
    session.append(JournalEntry(2, TradeReceived(4, "A/B", 2**63, 1, Side.SELL), (), (), b""))

    with pytest.raises(InvariantError, match="every journaled value can be stored"):
        session.securing()


def test_a_failed_write_is_the_last(session: SqliteSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it the session takes nothing more, as after a failed commit."""
    session.append(timer(2))
    session._file.database.conn.execute("DROP TABLE secured")
    with pytest.raises(StorageError, match="no such table: secured"):
        session.securing()()

    calls: list[Callable[[], object]] = [session.securing, session.commit, lambda: session.append(timer(3))]
    for call in calls:
        with pytest.raises(StorageError, match="takes nothing more after a failed commit"):
            call()


def test_an_older_session_is_read_as_it_is_and_lifted_where_it_goes_on(path: Path) -> None:
    """A file from before there was such a row has none; the first that continues it makes room for one."""
    closed_session(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE secured")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) - 1}")
    with SessionTape(path) as tape:
        before = list(tape.entries())
    session = SqliteSession.open(path)
    session.append(timer(11))
    session.securing()()
    session.abandon()

    assert [*before, timer(11)] == entries_at(path)


def test_a_session_of_another_account_is_refused_unchanged(path: Path) -> None:
    """What was secured in it waits for whoever may go on with it."""

    def committed() -> int:
        with closing(sqlite3.connect(path)) as connection:
            [(last,)] = connection.execute("SELECT last_sequence FROM head").fetchall()
        return int(last)

    secured_session(path)
    before = committed()
    with pytest.raises(StorageError, match="CFG-150"):
        SqliteSession.open(path, account="another")
    refused = committed()
    SqliteSession.open(path, account=HEADER.account).abandon()

    assert before == refused < committed()
