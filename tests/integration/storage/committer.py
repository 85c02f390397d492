"""Commit to a session without end, and say on standard output what is durable; meant to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from meva_adapters.contracts.storage_samples import HEADER, link_of
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import CancelOrder
from meva_core.events import TimerFired, TradeReceived
from meva_core.model.market import Side
from meva_core.ports.market_feed import TradeBlock
from meva_core.ports.storage import JournalEntry

# A commit holds so many events, the last of them no market event; every third commit is a checkpoint.
EVENTS = 7


def expected(sequence: int) -> JournalEntry:
    """Return what the journal must hold as event *sequence*."""
    last = sequence // EVENTS * EVENTS
    if sequence == last:
        command = CancelOrder("BTC/USDT", f"o-{sequence}", "x" * (sequence % 500))
        return JournalEntry(sequence, TimerFired(sequence, "t"), (command,), ("d",), link_of(sequence))
    event = TradeReceived(sequence, "BTC/USDT", sequence, 1, Side.BUY, sequence)
    return JournalEntry(sequence, event, (), (), link_of(last) if last else b"")


def _commit(session: SqliteSession, last_sequence: int) -> None:
    numbers = list(range(last_sequence + 1, last_sequence + EVENTS))
    count = len(numbers)
    block = TradeBlock("BTC/USDT", numbers, numbers, [1] * count, [Side.BUY] * count, numbers)
    session.append_trades(last_sequence + 1, block, start=0, stop=count)
    session.append(expected(last_sequence + EVENTS))
    if last_sequence // EVENTS % 3 == 0:
        session.save(last_sequence + EVENTS, {"after": last_sequence + EVENTS})
    else:
        session.commit()


def main() -> None:
    """Create the session, or continue it, and commit for ever."""
    path = Path(sys.argv[1])
    print("begin", flush=True)
    session = SqliteSession.open(path) if path.exists() else SqliteSession.create(path, HEADER)
    while True:
        _commit(session, session.last_sequence())
        print(session.last_sequence(), flush=True)


if __name__ == "__main__":
    main()
