"""Say what every session store promises, as cases; test no store by itself."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Final

from meva_adapters.contracts.case import CaseList, Kit, expect_equal, expect_raises
from meva_adapters.contracts.harness import Bench, Harness, made
from meva_adapters.contracts.storage_samples import (
    BARS,
    FILL,
    HEADER,
    TRADES,
    bar_at,
    bare,
    fill_journal,
    link_of,
    sample_checkpoint,
    sample_entries,
    timer,
    trade_at,
)
from meva_core.commands import CancelOrder
from meva_core.errors import InvariantError, StorageError
from meva_core.events import AgentStarted, OrderFilled
from meva_core.model.market import Side
from meva_core.ports.market_feed import TradeBlock
from meva_core.ports.storage import JournalEntry, LedgerRow, Session, Wanted

# More events than any journal lets wait; the port speaks of some million.
_HOARD: Final = 1 << 22
_DURABLE: Final = "Keep events, commands and decisions in order. A returned `commit` is durable."
_ENTRIES: Final = "Yield the committed entries with a larger sequence, in order."
_APPEND: Final = (
    "Buffer *entry* and what it books; raise `InvariantError` unless its sequence follows the last one."
)
_BULK: Final = "Buffer rows *start* to *stop* of *block* as one event each, from which nothing followed."
_COMMIT: Final = (
    "Make everything appended so far durable, in one transaction; raise `StorageError` otherwise."
)
_LATEST: Final = "Return the newest checkpoint with its sequence, or `None`."
_SAVE: Final = (
    "Store *checkpoint* taken after event *sequence*, and commit everything appended so far with it."
)
_RETIRED: Final = (
    "Drop the oldest market events up to the newest checkpoint before *before_ns*; return whether any went."
)
_NOT_AHEAD: Final = "Raise `InvariantError` when *sequence* was not appended yet."
_VALUES: Final = (
    "It may hold plain values, lists, tuples, dictionaries, Decimal, bytes, and the classes of events,"
)
_LEDGER: Final = "*postings* are for the ledger table. No commit ever holds the one without the other."
_CLOSE: Final = (
    "Commit, note final *results* (name, value), and release the store; a second call does nothing."
)
_HEADER: Final = "Return what the session was started with."
_WAITING: Final = "It raises `InvariantError` when some million events wait for a commit."
_SECURED: Final = (
    "Read what waits for a commit now, and return what makes it durable; another thread may call it, once."
)
_LOOKING_BACK: Final = (
    "Look back over what is committed, some rows at a time, while others append and commit."
)
_CANNOT_BE_STORED: Final = ({1, 2}, object(), 1j, Decimal("NaN"), "\ud800")
# The commit of each round falls on a chance moment of an append: threads take turns after some bytecodes.
_RESTARTS: Final = 20
_BOOKED_MIN: Final = 50
_SWITCH_S: Final = 1e-6
_POSTING: Final = LedgerRow(1, "fill:1", "asset", "BTC", Decimal(1))


class SessionHarness(Harness[Session]):
    """Make sessions with `HEADER`, let a process die, and say how to look inside."""

    @abstractmethod
    def restarted(self, session: Session) -> Session:
        """Return what a new process finds after the old one died without closing *session*."""

    @abstractmethod
    def ledger_of(self, session: Session) -> list[LedgerRow]:
        """Return the ledger rows that are committed, in order."""

    @abstractmethod
    def results_of(self, session: Session) -> dict[str, str]:
        """Return the results of the closed *session*."""


SessionBench = Bench[SessionHarness, Session]
_SESSIONS: CaseList[SessionBench] = CaseList()
case = _SESSIONS.case


@case("ST-01", "committed entries come back", promise=_DURABLE)
async def entries_come_back(bench: SessionBench) -> None:
    """Give events of every kind, commands, decisions and links back, exactly."""
    session, expected = bench.subject, sample_entries()
    for entry in expected:
        session.append(entry)
    session.commit()

    expect_equal(expected, list(session.entries()), "entries")
    expect_equal(len(expected), session.last_sequence(), "the last sequence")


@case("ST-02", "reading after a sequence gives the rest", promise=_ENTRIES)
async def the_rest(bench: SessionBench) -> None:
    """Give an entry as the same, however it was appended and wherever reading begins."""
    fill_journal(bench.subject)
    whole = list(bench.subject.entries())

    for after in range(len(whole) + 1):
        expect_equal(whole[after:], list(bench.subject.entries(after)), f"entries after {after}")


@case("ST-03", "gaps and repetitions are refused", promise=_APPEND)
async def gaps(bench: SessionBench) -> None:
    """Let only event 3 follow event 2, and keep nothing of what was refused."""
    session = bench.subject
    session.append(timer(1))
    session.append(timer(2))
    for sequence in (-1, 0, 1, 2, 4, 2**70):
        expect_raises(InvariantError, _call(session.append, timer(sequence)), saying="expected 3")
    session.append(timer(3))
    session.commit()

    expect_equal([timer(1), timer(2), timer(3)], list(session.entries()), "entries")


@case("ST-04", "rows in bulk are one event each", promise=_BULK)
async def bulk(bench: SessionBench) -> None:
    """Give trades and bars back between the entries, under the link of the entry before them."""
    fill_journal(bench.subject)
    trades = [trade_at(index) for index in range(4)]
    bars = [bar_at(index) for index in range(3)]
    expected = [
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
    ]

    expect_equal(expected, list(bench.subject.entries()), "entries")


@case("ST-05", "gaps of rows in bulk are refused", promise=_BULK)
async def bulk_gaps(bench: SessionBench) -> None:
    """Keep no row of a block that is refused."""
    session = bench.subject
    session.append(timer(1))
    for first in (0, 1, 3):
        expect_raises(
            InvariantError, _call(session.append_trades, first, TRADES, start=0, stop=4), saying="expected 2"
        )
        expect_raises(
            InvariantError, _call(session.append_bars, first, BARS, start=0, stop=3), saying="expected 2"
        )
    session.append_trades(2, TRADES, start=4, stop=4)
    session.commit()

    expect_equal([timer(1)], list(session.entries()), "entries")


@case("ST-06", "what was not committed is lost", promise=_COMMIT)
async def uncommitted(bench: SessionBench) -> None:
    """Let only a commit make entries, bulk rows and ledger rows last."""
    session = bench.subject
    session.append(timer(1))
    session.commit()
    session.append(timer(2), [_POSTING])
    session.append_trades(3, TRADES, start=0, stop=4)
    expect_equal(([timer(1)], 1), (list(session.entries()), session.last_sequence()), "read before it died")
    session = bench.harness.restarted(session)

    expect_equal(([timer(1)], 1), (list(session.entries()), session.last_sequence()), "read afterwards")
    expect_equal([], bench.harness.ledger_of(session), "ledger rows")


@case("ST-07", "what was committed outlives the process", promise=_DURABLE)
async def outlives(bench: SessionBench) -> None:
    """Let the next process go on where the last commit ended, again and again."""
    session, expected = bench.subject, sample_entries()
    for entry in expected:
        session.append(entry)
        session.commit()
        session = bench.harness.restarted(session)

    saying = f"expected {len(expected) + 1}"
    expect_raises(InvariantError, _call(session.append, expected[-1]), saying=saying)
    expect_equal(expected, list(session.entries()), "entries")


@case("ST-08", "reading is of one moment", promise=_ENTRIES)
async def one_moment(bench: SessionBench) -> None:
    """Leave what is committed while somebody reads to the next reading."""
    session = bench.subject
    session.append(timer(1))
    session.append(timer(2))
    session.commit()
    reading = session.entries()
    first = next(reading)
    session.append(timer(3))
    session.commit()

    expect_equal([timer(1), timer(2)], [first, *reading], "entries")


@case("ST-09", "newest checkpoint", promise=_LATEST)
async def newest(bench: SessionBench) -> None:
    """Give none at first, then the one of the latest event, also after the process died."""
    session = bench.subject
    expect_equal(None, session.load_latest(), "the checkpoint of a new session")
    for sequence in range(1, 8):
        session.append(timer(sequence))
        session.save(sequence, {"after": sequence})

    expect_equal((7, {"after": 7}), session.load_latest(), "the newest")
    expect_equal((7, {"after": 7}), bench.harness.restarted(session).load_latest(), "the newest afterwards")


@case("ST-10", "checkpoint commits every event before it", promise=_SAVE)
async def checkpoint_commits(bench: SessionBench) -> None:
    """Let nobody find a checkpoint whose events are lost, nor the events after it cut off."""
    session = bench.subject
    for sequence in (1, 2):
        session.append(timer(sequence))
    session.append(timer(3), [_POSTING])
    session.save(2, {})
    session = bench.harness.restarted(session)

    expect_equal((2, {}), session.load_latest(), "the checkpoint")
    expect_equal([timer(3)], list(session.entries(2)), "the entries after it")
    expect_equal(1, len(bench.harness.ledger_of(session)), "ledger rows")


@case("ST-11", "checkpoint never runs ahead", promise=_NOT_AHEAD)
async def not_ahead(bench: SessionBench) -> None:
    """Refuse a checkpoint after an event that was not appended."""
    bench.subject.append(timer(1))
    expect_raises(InvariantError, _call(bench.subject.save, 2, {}), saying="never runs ahead")

    expect_equal(None, bench.subject.load_latest(), "the checkpoint")


@case("ST-12", "checkpoint comes back equal", promise=_VALUES)
async def equal_checkpoint(bench: SessionBench) -> None:
    """Keep nested values and classes of the core as they were at that moment."""
    session, checkpoint = bench.subject, sample_checkpoint()
    session.save(0, checkpoint)
    checkpoint["state"].balances["USDT"].total = Decimal(0)
    checkpoint["plain"].append("later")
    session = bench.harness.restarted(session)

    expect_equal((0, sample_checkpoint()), session.load_latest(), "the checkpoint")


@case("ST-13", "what cannot be stored", promise=_VALUES)
async def cannot_be_stored(bench: SessionBench) -> None:
    """Refuse it before anything is written, not when it is needed; the session goes on."""
    session = bench.subject
    session.append(timer(1))
    for value in _CANNOT_BE_STORED:
        expect_raises(StorageError, _call(session.save, 1, {"value": [value]}), saying="cannot be written")
    session.save(1, {"value": []})

    expect_equal((1, {"value": []}), session.load_latest(), "the checkpoint")


@case("ST-14", "ledger rows", promise=_LEDGER)
async def ledger(bench: SessionBench) -> None:
    """Keep them in order, and every digit of them."""
    rows = [
        LedgerRow(1, "fill:1", "asset", "BTC", Decimal("0.1234567890123456789")),
        LedgerRow(1, "fill:1", "trading", "BTC", Decimal("-0.1234567890123456789")),
        LedgerRow(2, "transfer:9", "asset", "USDT", Decimal("12345678901234567890.10")),
    ]
    bench.subject.append(timer(1), rows[:2])
    bench.subject.append(bare(2, trade_at(1)), rows[2:])
    bench.subject.commit()

    kept = bench.harness.ledger_of(bench.subject)
    expect_equal(rows, kept, "rows")
    expect_equal([str(row.amount) for row in rows], [str(row.amount) for row in kept], "amounts")


@case("ST-15", "closing", promise=_CLOSE)
async def closing(bench: SessionBench) -> None:
    """Keep the last events, and the results beside them, once."""
    session = bench.subject
    session.append(timer(1))
    session.close([("equity", "100.10"), ("trades", "3")])
    session.close([("equity", "0")])

    expect_equal({"equity": "100.10", "trades": "3"}, bench.harness.results_of(session), "results")
    expect_equal([timer(1)], list(bench.harness.restarted(session).entries()), "entries")


@case("ST-16", "closed session", promise=_CLOSE)
async def closed(bench: SessionBench) -> None:
    """Take nothing that no commit would write, and give nothing."""
    session = bench.subject
    session.close()
    calls: list[Callable[[], object]] = [
        _call(session.append, timer(1)),
        session.commit,
        session.securing,
        session.entries,
        session.load_latest,
        _call(session.save, 0, {}),
        _call(session.append_trades, 1, TRADES, start=0, stop=1),
    ]

    for call in calls:
        expect_raises(StorageError, call, saying="is closed")


@case("ST-17", "header", promise=_HEADER)
async def header(bench: SessionBench) -> None:
    """Give back what is needed to build the same agent again."""
    expect_equal(HEADER, bench.subject.header, "the header")
    expect_equal(HEADER, bench.harness.restarted(bench.subject).header, "the header afterwards")


@case("ST-18", "journal that nobody commits", promise=_WAITING)
async def no_hoard(bench: SessionBench) -> None:
    """Refuse some million events without a commit; a commit makes room again."""
    session, zeros = bench.subject, [0] * _HOARD
    block = TradeBlock("BTC/USDT", zeros, zeros, zeros, [Side.BUY] * _HOARD, zeros)
    session.append(timer(1))
    hoard = _call(session.append_trades, 2, block, start=0, stop=_HOARD)
    expect_raises(InvariantError, hoard, saying="committed regularly")
    session.append_trades(2, block, start=0, stop=3)
    session.commit()

    expect_equal(4, session.last_sequence(), "the last sequence")


@case("ST-19", "entry and postings are one", promise=_LEDGER)
async def one_step(bench: SessionBench) -> None:
    """Keep no posting of an entry that is refused, and none without its entry whenever another thread commits."""
    session = bench.subject
    session.append(timer(1), [_POSTING])
    expect_raises(InvariantError, _call(session.append, timer(3), [_POSTING]), saying="expected 2")
    session.commit()
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        for _ in range(_RESTARTS):
            _append_amid_commits(session)
            session = bench.harness.restarted(session)
            committed = session.last_sequence()
            expect_equal(committed, len(bench.harness.ledger_of(session)), "ledger rows")
            session = bench.harness.restarted(session)
    finally:
        sys.setswitchinterval(interval_s)


def _append_amid_commits(session: Session) -> None:
    """Append booked entries for as long as another thread commits; the last of them are not committed."""
    sequence = session.last_sequence()
    with ThreadPoolExecutor(1) as thread:
        committing = thread.submit(session.commit)
        while not committing.done() or sequence % _BOOKED_MIN:
            sequence += 1
            session.append(timer(sequence), [_POSTING])
        committing.result()


@case("ST-20", "retired market events", promise=_RETIRED)
async def retired(bench: SessionBench) -> None:
    """Keep everything from the newest checkpoint before the bound on, and say so of what went; go on as before."""
    session = bench.subject
    fill_journal(session)
    for sequence in (11, 12, 13, 14):
        session.append(timer(sequence), [_POSTING])
        session.save(sequence - 1, {"after": sequence - 1})
    whole = list(session.entries())
    expect_equal(False, session.retire(0), "whether any went while none is older")
    while session.retire(timer(13).event.time_ns):
        pass
    session = bench.harness.restarted(session)

    expect_equal(whole[12:], list(session.entries(12)), "the entries that are left")
    expect_raises(
        StorageError, _call(lambda: list(session.entries())), saying="has retired the market events"
    )
    expect_equal((13, {"after": 13}), session.load_latest(), "the newest checkpoint")
    session.append(timer(15))
    session.commit()
    expect_equal([*whole[12:], timer(15)], list(session.entries(12)), "the entries after another")
    expect_equal(4, len(bench.harness.ledger_of(session)), "ledger rows")


@case("ST-21", "what was secured outlives the process", promise=_SECURED)
async def secured(bench: SessionBench) -> None:
    """Find it again once, with its postings, whether or not a commit took it over before the process died."""
    session = bench.subject
    session.append(timer(1))
    session.commit()
    session.append(timer(2), [_POSTING])
    session.append_trades(3, TRADES, start=0, stop=2)
    session.securing()()
    session = bench.harness.restarted(session)
    found = list(session.entries())
    session.append(timer(5))
    session.securing()()
    session.commit()
    session = bench.harness.restarted(session)

    trades = [bare(sequence, trade_at(sequence - 3), link_of(2)) for sequence in (3, 4)]
    expect_equal([timer(1), timer(2), *trades], found, "entries after it was secured")
    expect_equal([*found, timer(5)], list(session.entries()), "entries after it was secured and committed")
    expect_equal([_POSTING], bench.harness.ledger_of(session), "ledger rows")


@case("ST-22", "looking back", promise=_LOOKING_BACK)
async def looking_back(bench: SessionBench) -> None:
    """Find what was decided before any event, and what names an order, page by page; nothing that is not committed."""
    session = bench.subject
    fill_journal(session)
    session.append(JournalEntry(11, AgentStarted(20), (), (), link_of(8)))
    session.append(JournalEntry(12, OrderFilled(21, FILL), (), (), link_of(8)))
    session.append(JournalEntry(13, OrderFilled(22, FILL), (), (), link_of(8)))
    session.commit()
    session.append(timer(14))
    session = bench.harness.restarted(session)

    expect_equal(None, session.span_of("o-1"), "the span of an order that was never placed")
    for rows_max in (1, 2, 100):
        expect_equal([3, 8, 11, 12, 13], _looked_back(session, rows_max), f"events by {rows_max}")
        expect_equal([8, 11, 12, 13], _looked_for(session, "o-1", rows_max), f"events of it by {rows_max}")
    fills = session.look_back(14, rows_max=100, wanted=Wanted(("OrderFilled",), ("e",))).found
    expect_equal([12, 13], [row.sequence for row in fills], "events of one kind")
    decided = session.look_back(13, rows_max=3, wanted=Wanted((), ("d",)))
    expect_equal(
        ([], 8), ([row.sequence for row in decided.found][1:], decided.reached), "decisions by a word"
    )
    cancel, _, first, again = session.look_back(14, rows_max=4).found
    expect_equal((8, None, ("d",)), (cancel.sequence, cancel.event, cancel.decisions), "a market's event")
    expect_equal(((FILL,), ()), (first.fills, again.fills), "a fill that is booked, and told of again")


def _looked_back(session: Session, rows_max: int) -> list[int]:
    found: list[int] = []
    reached = 1_000
    while reached:
        sight = session.look_back(reached, rows_max=rows_max)
        found = [row.sequence for row in sight.found] + found
        reached = sight.reached
    return found


def _looked_for(session: Session, name: str, rows_max: int) -> list[int]:
    sight = session.look_for(name, 0, rows_max=rows_max)
    found = [row.sequence for row in sight.found]
    while sight.reached:
        sight = session.look_for(name, sight.reached, rows_max=rows_max)
        found += [row.sequence for row in sight.found]
    return found


def _call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Callable[[], Any]:
    return lambda: function(*arguments, **named)


SESSION: Final[Kit[SessionBench]] = Kit(port="storage", cases=tuple(_SESSIONS.cases), opened=made)
