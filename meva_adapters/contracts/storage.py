"""Say what every session store promises, as cases to subclass; test no store by itself.

| case | promise |
|---|---|
| ST-01 | committed entries read back equal and in order |
| ST-02 | reading after a sequence gives the rest |
| ST-03 | a sequence that leaves a gap, repeats or goes back is refused, and nothing of it is kept |
| ST-04 | rows appended in bulk are one event each, in order with the entries between them |
| ST-05 | bulk rows that leave a gap are refused as a whole |
| ST-06 | what was not committed is not read, and is lost when the process dies |
| ST-07 | what was committed outlives the process, and the journal goes on after it |
| ST-08 | reading gives what was committed when it began |
| ST-09 | the newest checkpoint is loaded, also after the process died |
| ST-10 | a checkpoint commits every event before it |
| ST-11 | a checkpoint never runs ahead of the journal |
| ST-12 | a checkpoint comes back equal, whatever it holds, and later changes do not reach it |
| ST-13 | a checkpoint that cannot be stored is refused, and the session goes on |
| ST-14 | ledger rows are kept by the next commit, every digit of them |
| ST-15 | closing commits, notes the results, and does nothing the second time |
| ST-16 | a closed session takes and gives nothing |
| ST-17 | the header comes back |
| ST-18 | a journal that nobody commits does not fill the memory |
| SP-01 | a store without a state says so |
| SP-02 | the state that was saved last comes back equal |
| SP-03 | changing a state after it was saved does not reach the store |
| SP-04 | the history of fills stays bounded |
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from meva_adapters.contracts.storage_samples import (
    BARS,
    HEADER,
    TRADES,
    bar_at,
    bare,
    fill_journal,
    link_of,
    sample_checkpoint,
    sample_entries,
    sample_state,
    timer,
    trade_at,
)
from meva_core.commands import CancelOrder
from meva_core.errors import InvariantError, StorageError
from meva_core.model.market import Side
from meva_core.model.state import FILLS_KEPT
from meva_core.ports.market_feed import TradeBlock
from meva_core.ports.storage import JournalEntry, LedgerRow, PortfolioStateStore, Session

# More events than any journal lets wait; the port speaks of some million.
_HOARD: Final = 1 << 22


class SessionContract:
    """Subclass it, give a fixture *session* made with `HEADER`, say how to look inside, and pytest runs every case."""

    @pytest.fixture
    def session(self) -> Session:
        """Return a new session with `HEADER`."""
        raise pytest.UsageError("give a fixture named session")

    def restarted(self, session: Session) -> Session:
        """Return what a new process finds after the old one died without closing *session*."""
        raise pytest.UsageError("say how a process dies: override restarted")

    def ledger_of(self, session: Session) -> list[LedgerRow]:
        """Return the ledger rows that are committed, in order."""
        raise pytest.UsageError("say how to read the ledger: override ledger_of")

    def results_of(self, session: Session) -> dict[str, str]:
        """Return the results of the closed *session*."""
        raise pytest.UsageError("say how to read the results: override results_of")

    def test_st_01_entries_come_back(self, session: Session) -> None:
        """ST-01: events of every kind, commands, decisions and links, exactly."""
        expected = sample_entries()
        for entry in expected:
            session.append(entry)
        session.commit()

        assert expected == list(session.entries())
        assert len(expected) == session.last_sequence()

    def test_st_02_the_rest(self, session: Session) -> None:
        """ST-02: whatever was appended how, an entry is the same wherever reading begins."""
        fill_journal(session)
        whole = list(session.entries())

        for after in range(len(whole) + 1):
            assert whole[after:] == list(session.entries(after))

    @pytest.mark.parametrize("sequence", [-1, 0, 1, 2, 4, 2**70])
    def test_st_03_gaps_are_refused(self, session: Session, sequence: int) -> None:
        """ST-03: after event 2 only event 3 may follow."""
        session.append(timer(1))
        session.append(timer(2))
        with pytest.raises(InvariantError, match="expected 3"):
            session.append(timer(sequence))
        session.append(timer(3))
        session.commit()

        assert [timer(1), timer(2), timer(3)] == list(session.entries())

    def test_st_04_bulk_rows_are_events(self, session: Session) -> None:
        """ST-04: trades and bars stand between the entries, under the link of the entry before them."""
        fill_journal(session)
        trades = [trade_at(index) for index in range(4)]
        bars = [bar_at(index) for index in range(3)]

        assert [
            bare(1, trades[1]),
            bare(2, trades[2]),
            timer(3),
            bare(4, bars[0], link_of(3)),
            bare(5, bars[1], link_of(3)),
            bare(6, bars[2], link_of(3)),
            bare(7, trades[0], link_of(3)),
            JournalEntry(8, trades[1], (CancelOrder("BTC/USDT", "o-1", "late"),), ("d",), link_of(8)),
            bare(9, trades[2], link_of(8)),
            bare(10, trades[3], link_of(8)),
        ] == list(session.entries())

    @pytest.mark.parametrize("first_sequence", [0, 1, 3])
    def test_st_05_bulk_gaps_are_refused(self, session: Session, first_sequence: int) -> None:
        """ST-05: no row of a refused block is kept."""
        session.append(timer(1))
        with pytest.raises(InvariantError, match="expected 2"):
            session.append_trades(first_sequence, TRADES, start=0, stop=4)
        with pytest.raises(InvariantError, match="expected 2"):
            session.append_bars(first_sequence, BARS, start=0, stop=3)
        session.append_trades(2, TRADES, start=4, stop=4)
        session.commit()

        assert [timer(1)] == list(session.entries())

    def test_st_06_uncommitted_is_lost(self, session: Session) -> None:
        """ST-06: only a commit makes entries, bulk rows and ledger rows last."""
        session.append(timer(1))
        session.commit()
        session.append(timer(2))
        session.append_trades(3, TRADES, start=0, stop=4)
        session.record_ledger([LedgerRow(1, "fill:1", "asset", "BTC", Decimal(1))])
        before = list(session.entries()), session.last_sequence()
        session = self.restarted(session)

        assert ([timer(1)], 1) == before == (list(session.entries()), session.last_sequence())
        assert [] == self.ledger_of(session)

    def test_st_07_committed_outlives_the_process(self, session: Session) -> None:
        """ST-07: the next process continues where the last commit ended, again and again."""
        expected = sample_entries()
        for entry in expected:
            session.append(entry)
            session.commit()
            session = self.restarted(session)

        with pytest.raises(InvariantError, match=f"expected {len(expected) + 1}"):
            session.append(expected[-1])
        assert expected == list(session.entries())

    def test_st_08_reading_is_of_one_moment(self, session: Session) -> None:
        """ST-08: what is committed while somebody reads belongs to the next reading."""
        session.append(timer(1))
        session.append(timer(2))
        session.commit()
        reading = session.entries()
        first = next(reading)
        session.append(timer(3))
        session.commit()

        assert [timer(1), timer(2)] == [first, *reading]

    def test_st_09_newest_checkpoint(self, session: Session) -> None:
        """ST-09: none at first, then the one of the latest event."""
        assert session.load_latest() is None
        for sequence in range(1, 8):
            session.append(timer(sequence))
            session.save(sequence, {"after": sequence})

        assert (7, {"after": 7}) == session.load_latest()
        assert (7, {"after": 7}) == self.restarted(session).load_latest()

    def test_st_10_checkpoint_commits(self, session: Session) -> None:
        """ST-10: nobody finds a checkpoint whose events are lost, nor the events after it cut off."""
        for sequence in (1, 2, 3):
            session.append(timer(sequence))
        session.record_ledger([LedgerRow(1, "fill:1", "asset", "BTC", Decimal(1))])
        session.save(2, {})
        session = self.restarted(session)

        assert (2, {}) == session.load_latest()
        assert [timer(3)] == list(session.entries(2))
        assert 1 == len(self.ledger_of(session))

    def test_st_11_checkpoint_never_runs_ahead(self, session: Session) -> None:
        """ST-11: a checkpoint after an event that was not appended is a bug."""
        session.append(timer(1))
        with pytest.raises(InvariantError, match="never runs ahead"):
            session.save(2, {})

        assert session.load_latest() is None

    def test_st_12_checkpoint_comes_back_equal(self, session: Session) -> None:
        """ST-12: nested values and classes of the core, as they were at that moment."""
        checkpoint = sample_checkpoint()
        session.save(0, checkpoint)
        checkpoint["state"].balances["USDT"].total = Decimal(0)
        checkpoint["plain"].append("later")
        session = self.restarted(session)

        assert (0, sample_checkpoint()) == session.load_latest()

    @pytest.mark.parametrize("value", [{1, 2}, object(), 1j, Decimal("NaN"), "\ud800"], ids=repr)
    def test_st_13_what_cannot_be_stored(self, session: Session, value: object) -> None:
        """ST-13: it is refused before anything is written, not when it is needed."""
        session.append(timer(1))
        with pytest.raises(StorageError, match="cannot be written"):
            session.save(1, {"value": [value]})
        session.save(1, {"value": []})

        assert (1, {"value": []}) == session.load_latest()

    def test_st_14_ledger(self, session: Session) -> None:
        """ST-14: rows stay in order, and no digit is lost."""
        rows = [
            LedgerRow(1, "fill:1", "asset", "BTC", Decimal("0.1234567890123456789")),
            LedgerRow(1, "fill:1", "trading", "BTC", Decimal("-0.1234567890123456789")),
            LedgerRow(2, "transfer:9", "asset", "USDT", Decimal("12345678901234567890.10")),
        ]
        session.record_ledger(rows[:2])
        session.record_ledger(rows[2:])
        session.commit()

        assert rows == self.ledger_of(session)
        assert [str(row.amount) for row in rows] == [str(row.amount) for row in self.ledger_of(session)]

    def test_st_15_closing(self, session: Session) -> None:
        """ST-15: the last events are kept, and the results beside them, once."""
        session.append(timer(1))
        session.close([("equity", "100.10"), ("trades", "3")])
        session.close([("equity", "0")])

        assert {"equity": "100.10", "trades": "3"} == self.results_of(session)
        assert [timer(1)] == list(self.restarted(session).entries())

    def test_st_16_closed(self, session: Session) -> None:
        """ST-16: nothing is buffered that no commit would write."""
        session.close()
        calls: list[tuple[Any, ...]] = [
            (session.append, timer(1)),
            (session.record_ledger, []),
            (session.commit,),
            (session.entries,),
            (session.load_latest,),
            (session.save, 0, {}),
        ]

        for call, *arguments in calls:
            with pytest.raises(StorageError, match="is closed"):
                call(*arguments)
        with pytest.raises(StorageError, match="is closed"):
            session.append_trades(1, TRADES, start=0, stop=1)

    def test_st_17_header(self, session: Session) -> None:
        """ST-17: what is needed to build the same agent again is the same again."""
        assert HEADER == session.header == self.restarted(session).header

    def test_st_18_no_hoard(self, session: Session) -> None:
        """ST-18: some million events without a commit are a bug; a commit makes room again."""
        zeros = [0] * _HOARD
        block = TradeBlock("BTC/USDT", zeros, zeros, zeros, [Side.BUY] * _HOARD, zeros)
        session.append(timer(1))
        with pytest.raises(InvariantError, match="committed regularly"):
            session.append_trades(2, block, start=0, stop=_HOARD)
        session.append_trades(2, block, start=0, stop=3)
        session.commit()

        assert 4 == session.last_sequence()


class StateStoreContract:
    """Subclass it, give a fixture *store*, and pytest runs every case."""

    @pytest.fixture
    def store(self) -> PortfolioStateStore:
        """Return a new store."""
        raise pytest.UsageError("give a fixture named store")

    def test_sp_01_empty(self, store: PortfolioStateStore) -> None:
        """SP-01: nobody starts from a state that was invented."""
        with pytest.raises(StorageError, match="holds no state yet"):
            store.load()

    def test_sp_02_newest(self, store: PortfolioStateStore) -> None:
        """SP-02: of many states the newest, every digit of it."""
        for events in range(1, 8):
            state = sample_state()
            state.sequence.events = events
            store.save(state)
            expected = sample_state()
            expected.sequence.events = events

            assert expected == store.load()

    def test_sp_03_a_copy(self, store: PortfolioStateStore) -> None:
        """SP-03: neither the saved object nor a loaded one is the store's own."""
        state = sample_state()
        store.save(state)
        state.open_orders.clear()
        store.load().fills.clear()

        assert sample_state() == store.load()

    def test_sp_04_bounded_history(self, store: PortfolioStateStore) -> None:
        """SP-04: a state that came back forgets its oldest fills as it did before."""
        store.save(sample_state())

        assert FILLS_KEPT == store.load().fills.maxlen
