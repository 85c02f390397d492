"""Run one session that uses everything a store offers, and say what a recovered one holds; break nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from meva_adapters.contracts.storage_samples import FILL, HEADER, link_of, sample_state
from meva_adapters.storage.schema import TABLES
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.errors import StorageError
from meva_core.events import OrderFilled, PauseRequested, TimerFired
from meva_core.model.market import Side
from meva_core.ports.market_feed import BarBlock, TradeBlock
from meva_core.ports.storage import JournalEntry, LedgerRow

Prepare = Callable[[sqlite3.Connection], object]
Step = Callable[[], object]

NOTHING: Final = "nothing"
# The store's log is folded into its file every thousand pages; here often enough to be cut off amid that, too.
LOG_PAGES: Final = 25


def small_log(connection: sqlite3.Connection) -> None:
    """Fold the log into the file often."""
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}").fetchall()


@frozen
class Script:
    """Say how long the session is; *prepare* may change the connection's settings after each opening.

    After so many rounds as a *sitting* has, the session is closed and opened again.
    """

    rounds: int = 6
    sitting: int = 3
    prepare: Prepare = small_log

    def play(self, path: Path, *, done: Step) -> None:
        """Run the session at *path* from its creation to its end, calling *done* after each durable step."""
        session = self._prepared(SqliteSession.create(path, HEADER, segment_events=8, snapshots_kept=2))
        try:
            done()
            for number in range(self.rounds):
                for step in _round(session, number):
                    step()
                    done()
                if number % self.sitting == self.sitting - 1:
                    session.close([("round", str(number))])
                    done()
                    session = self._prepared(SqliteSession.open(path, segment_events=8, snapshots_kept=2))
        finally:
            session.abandon()
        done()

    def _prepared(self, session: SqliteSession) -> SqliteSession:
        self.prepare(session._file.database.conn)
        return session


REFERENCE: Final = Script()


def start_again(path: Path) -> None:
    """Do what a session tells that was only begun: remove it, and start anew; what lies beside it stays."""
    path.unlink(missing_ok=True)
    session = SqliteSession.create(path, HEADER)
    assert [] == list(session.entries())
    session.close()


def play_on(path: Path) -> None:
    """Open the session at *path* again and commit once more, as a restarted agent does."""
    session = SqliteSession.open(path)
    before = session.last_sequence()
    session.append(_timer(before + 1))
    session.commit()
    session.close()
    assert before + 1 == session.last_sequence()


def recovered(path: Path) -> str:
    """Return the digest of every row of the session at *path*, once the store has recovered and checked it.

    `NOTHING` stands for a session whose creation never returned. Raises `StorageError` when the store refuses it
    otherwise, `AssertionError` when the store takes it and it is not sound.
    """
    try:
        session = SqliteSession.open(path, account=HEADER.account, mode=HEADER.mode)
    except StorageError as problem:
        if "was only begun" in str(problem) or "does not exist" in str(problem):
            return NOTHING
        raise
    try:
        first = session._head.retired_sequence
        sequences = [entry.sequence for entry in session.entries(first)]
        assert list(range(first + 1, session.last_sequence() + 1)) == sequences, "no gap"
        found = session.load_latest()
        assert found is None or {"after": found[0]} == found[1], "the checkpoint is that of its event"
        session.load_state()
        connection = session._file.database.conn
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        return _digest(connection)
    finally:
        session.abandon()


def _digest(connection: sqlite3.Connection) -> str:
    digest = blake2b(digest_size=16)
    for table in TABLES:
        rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        digest.update(ascii((table, rows)).encode())
    return digest.hexdigest()


def _round(session: SqliteSession, number: int) -> Iterator[Step]:
    """Yield the steps of one round; after each, everything before it must be durable."""
    last = session.last_sequence()
    session.append_trades(last + 1, _trades(last + 1, 5), start=0, stop=5)
    session.append(_timer(last + 6))
    session.append(_filled(last + 7))
    yield session.securing()
    yield session.commit
    session.append_bars(last + 8, _bars(last + 8, 3), start=0, stop=3)
    posting = LedgerRow(last + 11, "fill", "cash", "USDT", Decimal(f"-{last}.50"))
    session.append(_paused(last + 11, detail="x" * (37 * number * number)), [posting])
    yield session.commit
    session.append_trades(last + 12, _trades(last + 12, 9), start=0, stop=9)
    session.append(_timer(last + 21))
    yield session.securing()
    yield lambda: session.save(last + 21, {"after": last + 21})
    state = sample_state()
    yield lambda: session.save_state(evolve(state, sequence=evolve(state.sequence, events=last + 21)))
    yield lambda: session.retire(last + 7)  # Everything up to the checkpoint of the round before.


def _timer(sequence: int) -> JournalEntry:
    return JournalEntry(sequence, TimerFired(sequence, "t"), (), ("d" * (sequence % 900),), link_of(sequence))


def _filled(sequence: int) -> JournalEntry:
    fill = evolve(FILL, trade_id=f"t-{sequence}")
    return JournalEntry(sequence, OrderFilled(sequence, fill), (), (), link_of(sequence))


def _paused(sequence: int, *, detail: str) -> JournalEntry:
    alert = RaiseAlert(AlertLevel.HIGH, "DATA-1", "BTC/USDT", detail, {"n": sequence})
    event = PauseRequested(sequence, f"r-{sequence}", "anna", detail)
    return JournalEntry(sequence, event, (alert,), (), link_of(sequence))


def _trades(first: int, count: int) -> TradeBlock:
    numbers = list(range(first, first + count))
    return TradeBlock("BTC/USDT", numbers, numbers, numbers, [Side.BUY] * count, numbers)


def _bars(first: int, count: int) -> BarBlock:
    numbers = list(range(first, first + count))
    return BarBlock("ETH/USDT", "1m", 1, numbers, numbers, numbers, numbers, numbers, numbers)
