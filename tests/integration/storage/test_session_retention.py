"""Market events can be dropped when no checkpoint needs them; decisions and registers stay for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meva_adapters.contracts.storage_samples import HEADER, timer
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.memory import MemorySession
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from meva_core.events import TradeReceived
from meva_core.model.market import Side
from meva_core.ports.market_feed import TradeBlock
from meva_core.ports.storage import JournalEntry, Session
from tests.integration.storage.sessions import rows

LAST = 100


def trades(count: int, first: int) -> TradeBlock:
    """Return *count* trades whose numbers are their sequences."""
    numbers = list(range(first, first + count))
    return TradeBlock("BTC/USDT", numbers, numbers, numbers, [Side.BUY] * count, numbers)


def append_hundred(session: Session) -> None:
    """Append a hundred events in segments of ten, each tenth a decision on a trade, each twentieth a timer."""
    for first in range(1, LAST, 10):
        session.append_trades(first, trades(9, first), start=0, stop=9)
        last = first + 9
        event = TradeReceived(last, "BTC/USDT", last, last, Side.BUY, last)
        decided = JournalEntry(last, event, (), ("d",), bytes([last]))
        session.append(timer(last) if last % 20 == 0 else decided)
        session.commit()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[SqliteSession]:
    """Return a session of a hundred events, with checkpoints after 35, 60 and 90."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER, segment_events=10)
    append_hundred(session)
    for sequence in (35, 60, 90):
        session.save(sequence, {"after": sequence})
    yield session
    session.abandon()


def test_what_the_oldest_checkpoint_needs_stays(session: SqliteSession) -> None:
    """However much is to be dropped, every checkpoint that is kept can still be continued from."""
    whole = list(session.entries())
    gone = session.retire_market(before_sequence=LAST)

    assert 25 <= gone <= 35
    assert whole[gone:] == list(session.entries(gone))
    assert whole[90:] == list(session.entries(90))
    with pytest.raises(StorageError, match=f"has retired the market events up to {gone}"):
        session.entries(gone - 1)


def test_no_more_goes_than_was_asked(session: SqliteSession) -> None:
    """Whole segments before the bound go, and none that reaches beyond it."""
    assert 0 == session.retire_market(before_sequence=1)
    assert 0 < session.retire_market(before_sequence=15) < 15
    assert 20 <= session.retire_market(before_sequence=31) < 31


def test_without_a_checkpoint_everything_stays(tmp_path: Path) -> None:
    """A restart without a checkpoint reads from the beginning."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER, segment_events=10)
    append_hundred(session)

    assert 0 == session.retire_market(before_sequence=LAST)
    assert LAST == len(list(session.entries()))
    session.abandon()


def test_decisions_stay(session: SqliteSession) -> None:
    """Only market events without a consequence are dropped; the journal's rows remain."""
    session.retire_market(before_sequence=LAST)
    session.close()

    assert [(10,)] == rows(session.path, "SELECT count(*) FROM journal")
    assert [(0,)] == rows(session.path, "SELECT count(*) FROM market WHERE last_sequence < 25")


def test_a_session_goes_on_after_retirement(session: SqliteSession) -> None:
    """The chains hold across the gap, across a restart, and when everything old has gone."""
    first_gone = session.retire_market(before_sequence=LAST)
    for sequence in range(LAST + 1, LAST + 31):
        session.append(timer(sequence))
    for sequence in (LAST, LAST + 1, LAST + 2):
        session.save(sequence, {})
    gone = session.retire_market(before_sequence=LAST + 30)
    session.close()
    session = SqliteSession.open(session.path, segment_events=10)

    assert first_gone < gone <= LAST
    assert [timer(sequence) for sequence in range(LAST + 1, LAST + 31)] == list(session.entries(LAST))
    session.append_trades(LAST + 31, trades(5, LAST + 31), start=0, stop=5)
    session.close()
    with SessionTape(session.path) as tape:
        assert 35 == len(list(tape.entries(LAST)))
        with pytest.raises(StorageError, match="cannot be replayed from its beginning"):
            tape.blocks()
        with pytest.raises(StorageError, match="Read from there on"):
            tape.entries()


def test_older_checkpoints_give_way(session: SqliteSession) -> None:
    """The file keeps the newest few, so that it does not grow with age."""
    for sequence in range(61, 80):
        session.save(sequence, {})
    session.close()

    assert [(78,), (79,), (90,)] == rows(session.path, "SELECT sequence FROM snapshots ORDER BY sequence")


@settings(max_examples=25)
@given(
    segment_events=st.integers(1, 40),
    checkpoint=st.integers(0, LAST),
    bounds=st.lists(st.integers(0, LAST + 5), max_size=4),
)
def test_whatever_remains_is_what_was_there(
    tmp_path_factory: pytest.TempPathFactory, segment_events: int, checkpoint: int, bounds: list[int]
) -> None:
    """For any sizes and bounds, reading from any place that is left equals a store that drops nothing."""
    memory = MemorySession(HEADER)
    path = tmp_path_factory.mktemp("retention") / "session.db"
    session = SqliteSession.create(path, HEADER, segment_events=segment_events)
    for each in (memory, session):
        append_hundred(each)
        each.save(checkpoint, {})
    gone = 0
    for bound in bounds:
        before, gone = gone, session.retire_market(bound)
        assert before <= gone <= checkpoint
    session.abandon()
    session = SqliteSession.open(path)

    for after in (gone, checkpoint, LAST):
        assert list(memory.entries(after)) == list(session.entries(after))
    session.abandon()
