"""Every session store keeps the storage contract, and nobody can tell one from the other."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from meva_adapters.contracts.storage import SessionContract, StateStoreContract
from meva_adapters.contracts.storage_samples import BARS, HEADER, TRADES, timer, trade_at
from meva_adapters.storage.memory import MemorySession
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.ports.storage import JournalEntry, Session
from meva_runners.harnesses.stores import (
    MemorySessionHarness,
    MemoryStateStoreHarness,
    SqliteSessionHarness,
    SqliteStateStoreHarness,
)


class TestMemorySession(SessionContract):
    """The store of tests and experiments."""

    harness = MemorySessionHarness


class TestSqliteSession(SessionContract):
    """The store of every other run."""

    harness = SqliteSessionHarness


class TestMemoryStateStore(StateStoreContract):
    """The state by itself, in memory."""

    harness = MemoryStateStoreHarness


class TestSqliteStateStore(StateStoreContract):
    """The state by itself, in a session file."""

    harness = SqliteStateStoreHarness


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("trades"), st.integers(0, 3), st.integers(0, 4)),
        st.tuples(st.just("bars"), st.integers(0, 2), st.integers(0, 3)),
        st.tuples(st.just("entry"), st.booleans(), st.booleans()),
        st.tuples(st.sampled_from(["commit", "save", "restart"])),
    ),
    max_size=30,
)


def perform(session: Session, step: tuple[object, ...], sequence: int) -> None:
    """Let *session* do one step after event *sequence*."""
    match step:
        case "trades", int(start), int(stop):
            session.append_trades(sequence + 1, TRADES, start=start, stop=max(start, stop))
        case "bars", int(start), int(stop):
            session.append_bars(sequence + 1, BARS, start=start, stop=max(start, stop))
        case "entry", bool(market), bool(decided):
            event = trade_at(0) if market else timer(1).event
            link = bytes([sequence % 3]) if decided else b""
            session.append(JournalEntry(sequence + 1, event, (), ("d",) * decided, link))
        case ("commit",):
            session.commit()
        case ("save",):
            session.save(sequence, {"after": sequence})


def added(step: tuple[object, ...]) -> int:
    """Return how many events *step* appends."""
    match step:
        case "trades" | "bars", int(start), int(stop):
            return max(0, stop - start)
        case "entry", _, _:
            return 1
    return 0


@settings(max_examples=60)
@given(steps=STEPS, segment_events=st.integers(1, 6))
def test_sqlite_and_memory_cannot_be_told_apart(steps: list[tuple[object, ...]], segment_events: int) -> None:
    """Whatever is appended, committed, saved and lost, in any order, both give the same entries."""
    memory = MemorySession(HEADER)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.db"
        sqlite = SqliteSession.create(path, HEADER, segment_events=segment_events)
        sequence = 0
        for step in steps:
            if step == ("restart",):
                memory = memory.reopened()
                sqlite.abandon()
                sqlite = SqliteSession.open(path, segment_events=segment_events)
                sequence = sqlite.last_sequence()
            perform(memory, step, sequence)
            perform(sqlite, step, sequence)
            sequence += added(step)

        for after in (0, sequence // 2):
            assert list(memory.entries(after)) == list(sqlite.entries(after))
        assert memory.load_latest() == sqlite.load_latest()
        sqlite.abandon()
