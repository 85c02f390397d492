"""A recorded session is replayed and verified as it happened, and no byte of it changes by that."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from meva_adapters.contracts.storage_samples import (
    BARS,
    HEADER,
    TRADES,
    bar_at,
    sample_entries,
    timer,
    trade_at,
)
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.data.replay_loader import block_events
from meva_core.events import BookChanged, Event, QuoteReceived, TradeReceived
from meva_core.model.market import Side
from meva_core.ports.market_feed import BarBlock, Block, EventBlock
from meva_core.ports.storage import JournalEntry, Session
from tests.integration.storage.sessions import closed_session, contents, cut_off_session, secured_session

CONDITIONS = pytest.mark.parametrize(
    "session_in", [closed_session, cut_off_session, secured_session], ids=["closed", "cut off", "secured"]
)
Condition = Callable[[Path], Path]


def events_in(blocks: list[Block]) -> list[Event]:
    """Return every row of *blocks* as an event."""
    events: list[Event] = []
    for block in blocks:
        rows = (
            block.events
            if isinstance(block, EventBlock)
            else block.open_times
            if isinstance(block, BarBlock)
            else block.times
        )
        events += block_events(block, 0, len(rows))
    return events


def recorded(path: Path, fill: Callable[[Session], None], *, segment_events: int = 4_096) -> SessionTape:
    """Return the tape of a session that *fill* filled."""
    session = SqliteSession.create(path, HEADER, segment_events=segment_events)
    fill(session)
    session.close()
    return SessionTape(path)


@CONDITIONS
def test_market_events_come_back_in_order(tmp_path: Path, session_in: Condition) -> None:
    """Every market event, those with a consequence too, and nothing but market events."""
    with SessionTape(session_in(tmp_path / "session.db")) as tape:
        events = events_in(list(tape.blocks()))

    trades, bars = [trade_at(index) for index in range(4)], [bar_at(index) for index in range(3)]
    assert [trades[1], trades[2], *bars, trades[0], trades[1], trades[2], trades[3]] == events


@CONDITIONS
def test_a_tape_changes_nothing(tmp_path: Path, session_in: Condition) -> None:
    """Neither the file, nor its log, nor the directory is touched, and no copy is left behind."""
    path = session_in(tmp_path / "session.db")
    before, copies = contents(path), set(Path(tempfile.gettempdir()).glob("meva-session-*"))
    with SessionTape(path) as tape:
        list(tape.blocks())
        list(tape.entries())

    assert before == contents(path)
    assert {*before} == {file.name for file in tmp_path.iterdir()}
    assert copies == set(Path(tempfile.gettempdir()).glob("meva-session-*"))


@CONDITIONS
def test_a_session_goes_on_after_it_was_read(tmp_path: Path, session_in: Condition) -> None:
    """Reading releases the file."""
    path = session_in(tmp_path / "session.db")
    SessionTape(path).close()
    session = SqliteSession.open(path)
    session.append(timer(11))
    session.close()
    with SessionTape(path) as tape:
        assert timer(11) == list(tape.entries())[-1]


def test_a_cut_off_session_reads_as_a_closed_one(tmp_path: Path) -> None:
    """What was committed is the same; only the results are missing."""
    with (
        SessionTape(closed_session(tmp_path / "closed.db")) as closed,
        SessionTape(cut_off_session(tmp_path / "cut.db")) as cut_off,
    ):
        assert list(closed.entries()) == list(cut_off.entries())
        assert list(closed.blocks()) == list(cut_off.blocks())
        assert (closed.digest, closed.symbols, closed.header) == (
            cut_off.digest,
            cut_off.symbols,
            cut_off.header,
        )
        assert ({"equity": "100.10"}, {}) == (closed.results(), cut_off.results())


def test_bulk_rows_come_back_as_columns(tmp_path: Path) -> None:
    """Blocks of one kind leave as blocks, in the portions in which they were packed."""

    def fill(session: Session) -> None:
        session.append_trades(1, TRADES, start=0, stop=4)
        session.commit()
        session.append_bars(5, BARS, start=0, stop=3)

    with recorded(tmp_path / "session.db", fill) as tape:
        assert [TRADES, BARS] == list(tape.blocks()) == list(tape.blocks())


def test_mixed_markets_come_back_as_events(tmp_path: Path) -> None:
    """Events of several kinds and symbols keep the order in which they happened."""
    events = [
        trade_at(0),
        QuoteReceived(11, "BTC/USDT", 1, 2, 3, 4, 5),
        BookChanged(11, "BTC/USDT", True, 1, 1, ((1, 1),), ()),
        TradeReceived(12, "ETH/USDT", 1, 2, Side.SELL),
        trade_at(3),
        TradeReceived(15, "BTC/USDT", 1, 2, Side.SELL, 4, 14),
    ]

    def fill(session: Session) -> None:
        for sequence, event in enumerate(events, start=1):
            session.append(JournalEntry(sequence, event, (), (), b""))

    with recorded(tmp_path / "session.db", fill) as tape:
        assert events == events_in(list(tape.blocks()))
        assert ("BTC/USDT", "ETH/USDT") == tape.symbols


@pytest.mark.parametrize("segment_events", [1, 2, 3, 4_096])
def test_entries_do_not_depend_on_the_packing(tmp_path: Path, segment_events: int) -> None:
    """However many events a segment takes, every entry is the same."""

    def fill(session: Session) -> None:
        for entry in sample_entries():
            session.append(entry)

    with recorded(tmp_path / "session.db", fill, segment_events=segment_events) as tape:
        assert sample_entries() == list(tape.entries())
        assert sample_entries()[2:] == list(tape.entries(2))


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    """The position never goes back, and ends at the size."""
    with SessionTape(closed_session(tmp_path / "session.db")) as tape:
        positions = [tape.position_bytes, *(tape.position_bytes for _ in tape.blocks()), tape.position_bytes]

    assert positions == sorted(positions)
    assert (0, tape.size_bytes) == (positions[0], positions[-1])


def test_digests_tell_sessions_apart(tmp_path: Path) -> None:
    """Another event, or another header, is another recording; the same ones are the same."""
    digests = []
    for name, entries in (("a", [timer(1)]), ("b", [timer(1)]), ("c", [timer(1), timer(2)])):

        def fill(session: Session, entries: list[JournalEntry] = entries) -> None:
            for entry in entries:
                session.append(entry)

        with recorded(tmp_path / name, fill) as tape:
            digests.append(tape.digest)

    assert digests[0] == digests[1] != digests[2]
    assert all(len(digest) == 32 for digest in digests)


def test_an_empty_session_is_a_tape_too(tmp_path: Path) -> None:
    """A session in which nothing happened has no blocks, no entries and no symbols."""
    with recorded(tmp_path / "session.db", lambda _: None) as tape:
        assert ([], [], (), 0) == (
            list(tape.blocks()),
            list(tape.entries()),
            tape.symbols,
            tape.position_bytes,
        )


def test_names_that_are_special_in_addresses(tmp_path: Path) -> None:
    """A path is a path, whatever signs are in it."""
    folder = tmp_path / "50% ?mode=rw#x"
    folder.mkdir()

    with SessionTape(closed_session(folder / "a b?.db")) as tape:
        assert 10 == len(list(tape.entries()))
