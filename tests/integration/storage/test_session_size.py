"""A session file does not grow with age, and dropping what is old is quick however much stays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.events import TimerFired
from meva_core.model.market import NS_PER_DAY, Side
from meva_core.ports.market_feed import TradeBlock
from meva_core.ports.storage import JournalEntry

KEPT_DAYS: Final = 4
DAYS: Final = 60
COMMITS_A_DAY: Final = 20
TRADES: Final = 2_000


def trades(first: int, time_ns: int) -> TradeBlock:
    """Return trades that do not pack well."""
    prices = [3_000_000 + number * 7_919 % 60_101 for number in range(first, first + TRADES)]
    lots = [1 + number * 104_729 % 900_001 for number in range(first, first + TRADES)]
    ids = list(range(first, first + TRADES))
    return TradeBlock("BTC/USDT", [time_ns] * TRADES, prices, lots, [Side.BUY] * TRADES, ids)


def live(session: SqliteSession, day: int) -> None:
    """Let a day pass: trades, a timer with each commit, a checkpoint in the evening."""
    for commit in range(COMMITS_A_DAY):
        time_ns = day * NS_PER_DAY + commit
        last = session.last_sequence()
        session.append_trades(last + 1, trades(last + 1, time_ns), start=0, stop=TRADES)
        session.append(JournalEntry(last + TRADES + 1, TimerFired(time_ns, "t"), (), (), b""))
        session.commit()
    session.save(session.last_sequence(), {"day": day, "link": b"", "memory": "x" * 20_000})


def test_the_file_does_not_grow_with_age(tmp_path: Path) -> None:
    """After sixty days it has the pages of ten, and some for the timers; the log beside it stays small."""
    path = tmp_path / "session.db"
    session = SqliteSession.create(path, HEADER, segment_events=256, market_kept_ns=KEPT_DAYS * NS_PER_DAY)
    sizes, logs = [], []
    for day in range(1, DAYS + 1):
        live(session, day)
        while session.retire((day - KEPT_DAYS) * NS_PER_DAY):
            pass
        [(pages,)] = session._file.database.conn.execute("PRAGMA page_count").fetchall()
        sizes.append(pages)
        logs.append(path.with_name("session.db-wal").stat().st_size)
    oldest = session._head.retired_sequence
    session.abandon()

    assert sizes[-1] <= 1.25 * sizes[9], sizes
    assert max(logs) < 8 * 1024 * 1024
    assert (DAYS - KEPT_DAYS - 3) * COMMITS_A_DAY * (TRADES + 1) <= oldest


def test_a_step_reads_little_however_much_stays(tmp_path: Path) -> None:
    """Its work, counted in steps of SQLite's machine, is not that of looking at every segment."""
    path = tmp_path / "session.db"
    session = SqliteSession.create(path, HEADER, segment_events=256, market_kept_ns=KEPT_DAYS * NS_PER_DAY)
    for day in range(1, 4 * KEPT_DAYS):
        live(session, day)
    hundreds = 0

    def count() -> int:
        nonlocal hundreds
        hundreds += 1
        return 0

    connection = session._file.database.conn
    [(segments,)] = connection.execute("SELECT count(*) FROM market").fetchall()
    connection.set_progress_handler(count, 100)
    went = session.retire(3 * NS_PER_DAY, rows_max=4)
    connection.set_progress_handler(None, 0)
    session.abandon()

    assert went
    assert hundreds * 100 < segments, "not one step for each of them"
