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


def retired(session: SqliteSession, before_ns: int, *, rows_max: int = 64) -> int:
    """Let everything go that may, and return the event up to which it has gone."""
    while session.retire(before_ns, rows_max=rows_max):
        pass
    gone: int = session._head.retired_sequence
    return gone


def test_what_follows_the_checkpoint_before_the_bound_stays(session: SqliteSession) -> None:
    """Every checkpoint that is kept can be continued from, and the first of them is older than was asked for."""
    whole = list(session.entries())
    gone = retired(session, before_ns=71)

    assert 50 <= gone <= 60
    assert whole[gone:] == list(session.entries(gone))
    assert whole[90:] == list(session.entries(90))
    with pytest.raises(StorageError, match=f"has retired the market events up to {gone}"):
        session.entries(gone - 1)


@pytest.mark.parametrize("rows_max", [1, 2, 3, 64])
def test_it_goes_in_steps(session: SqliteSession, rows_max: int) -> None:
    """Each step drops a few whole batches, the same in the end, and tells when none is left."""
    steps = 0
    while session.retire(LAST + 1, rows_max=rows_max):
        steps += 1

    assert 80 <= session._head.retired_sequence <= 90
    assert -(-9 // rows_max) <= steps <= 9
    assert not session.retire(LAST + 1, rows_max=rows_max)


def test_no_more_goes_than_was_asked(session: SqliteSession) -> None:
    """What is younger than the bound stays, and so does what no checkpoint before the bound allows to go."""
    assert 0 == retired(session, before_ns=1)
    assert 0 == retired(session, before_ns=40)
    assert 25 <= retired(session, before_ns=41) <= 35


def test_without_a_checkpoint_everything_stays(tmp_path: Path) -> None:
    """A restart without a checkpoint reads from the beginning."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER, segment_events=10)
    append_hundred(session)

    assert 0 == retired(session, LAST + 1)
    assert LAST == len(list(session.entries()))
    session.abandon()


def test_decisions_stay(session: SqliteSession) -> None:
    """Only market events without a consequence are dropped; the journal's rows remain."""
    retired(session, LAST + 1)
    session.close()

    assert [(10,)] == rows(session.path, "SELECT count(*) FROM journal")
    assert [(0,)] == rows(session.path, "SELECT count(*) FROM market WHERE last_sequence < 25")


def test_a_session_goes_on_after_retirement(session: SqliteSession) -> None:
    """The chains hold across the gap, across a restart, and when everything old has gone."""
    first_gone = retired(session, LAST)
    for sequence in range(LAST + 1, LAST + 31):
        session.append(timer(sequence))
    for sequence in (LAST, LAST + 1, LAST + 2):
        session.save(sequence, {})
    gone = retired(session, LAST + 31)
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


def test_checkpoints_are_kept_to_verify_what_is_kept(tmp_path: Path) -> None:
    """Beside the newest few stay some over the time for which market events are kept: an eighth of it apart."""
    session = SqliteSession.create(tmp_path / "session.db", HEADER, snapshots_kept=2, market_kept_ns=80)
    for sequence in range(1, LAST + 1):
        session.append(timer(sequence))
        session.save(sequence, {})
    session.close()

    kept = [
        sequence for (sequence,) in rows(session.path, "SELECT sequence FROM snapshots ORDER BY sequence")
    ]
    assert [*range(1, 99, 10), 99, 100] == kept


@settings(max_examples=25)
@given(
    segment_events=st.integers(1, 40),
    checkpoint=st.integers(0, LAST),
    bounds=st.lists(st.integers(0, LAST + 5), max_size=4),
    rows_max=st.integers(1, 5),
)
def test_whatever_remains_is_what_was_there(
    tmp_path_factory: pytest.TempPathFactory,
    segment_events: int,
    checkpoint: int,
    bounds: list[int],
    rows_max: int,
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
        before, gone = gone, retired(session, bound, rows_max=rows_max)
        assert before <= gone <= checkpoint
    session.abandon()
    session = SqliteSession.open(path)

    for after in (gone, checkpoint, LAST):
        assert list(memory.entries(after)) == list(session.entries(after))
    session.abandon()
