"""Lay out what waits for a commit as one row that is written ahead of it, and read it back; write nothing.

An order must not leave before its cause is durable, and a commit fills many tables. So everything that the next commit
will write is first secured as one row, in less than half the time. The commit then makes it obsolete; where a process
ends between the two, whoever opens the session next appends it anew. Market events stand in the row as columns,
everything else as the JSON of the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final

from attrs import astuple, frozen

from meva_adapters.storage.chain import chained
from meva_adapters.storage.codec import decode, encode
from meva_adapters.storage.integer_columns import join_columns, split_columns
from meva_adapters.storage.market_segments import MARKET_EVENTS, OpenSegment, SegmentKey, rebuilt
from meva_core.errors import StorageError
from meva_core.events import MarketEvent
from meva_core.ports.storage import JournalEntry, LedgerRow

# There is one row at most. It is live while it reaches further than the journal.
WRITE: Final = "INSERT OR REPLACE INTO secured VALUES (1, ?, ?, ?, ?, ?)"
READ: Final = (
    "SELECT first_sequence, last_sequence, content, market, digest FROM secured WHERE last_sequence > ?"
)
FORGET: Final = (
    "DELETE FROM secured WHERE id = 1"  # Without its WHERE it would rewrite the table's page in any case.
)

Row = tuple[int, int, bytes, bytes, bytes]


@frozen
class Waiting:
    """Hold what waits for a commit: events *first_sequence* to *last_sequence*, as JSON and as joined columns."""

    first_sequence: int
    last_sequence: int
    content: bytes
    market: bytes

    def row(self, journal_chain: bytes) -> Row:
        """Return the row that says so, after a journal that ends with *journal_chain*."""
        first, last, content, market = self.first_sequence, self.last_sequence, self.content, self.market
        return first, last, content, market, _digest(journal_chain, first, last, content, market)


def lay_out(
    first_sequence: int,
    last_sequence: int,
    *,
    segments: Sequence[OpenSegment],
    entries: Sequence[JournalEntry],
    ledger: Sequence[LedgerRow],
) -> Waiting:
    """Return what waits, laid out.

    Raise `OverflowError` on an integer of more than 64 bits in a market event, `StorageError` on what no journal holds.
    """
    columns = [[*segment.columns, *segment.levels] for segment in segments]
    content = [
        [
            [segment.key.kind, segment.key.symbol, segment.key.timeframe, list(map(len, each))]
            for segment, each in zip(segments, columns, strict=True)
        ],
        [
            [
                entry.sequence,
                None if isinstance(entry.event, MARKET_EVENTS) else entry.event,
                list(entry.commands),
                list(entry.decisions),
                entry.link,
            ]
            for entry in entries
        ],
        [list(astuple(row)) for row in ledger],
    ]
    market = b"".join(join_columns(each) for each in columns)
    return Waiting(first_sequence, last_sequence, encode(content), market)


def read_back(
    row: Row, *, journal_chain: bytes, link: bytes, source: str
) -> tuple[list[JournalEntry], list[LedgerRow]]:
    """Return the entries and postings of a live row, after a journal that ends with *journal_chain* and *link*.

    Raises `StorageError` naming *source* where the row was changed, or does not follow that journal.
    """
    first, last, content, columns, digest = row
    if _digest(journal_chain, first, last, content, columns) != digest:
        raise _unreadable(source, "its digest is another")
    described, kept, ledger = decode(content, source=source)
    try:
        market = dict(_market_events(described, columns))
        others = {sequence: rest for sequence, *rest in kept}
        entries = []
        for sequence in range(first, last + 1):
            event, commands, decisions, link = others.get(sequence, (None, (), (), link))
            told = market[sequence] if event is None else event
            entries.append(JournalEntry(sequence, told, tuple(commands), tuple(decisions), link))
        return entries, [LedgerRow(*posting) for posting in ledger]
    except (ValueError, TypeError, KeyError) as problem:
        raise _unreadable(source, repr(problem)) from problem


def _market_events(described: Sequence[Any], market: bytes) -> Iterator[tuple[int, MarketEvent]]:
    lengths = [length for *_, each in described for length in each]
    columns = split_columns(market, lengths)
    for *key, each in described:
        yield from rebuilt(SegmentKey(*key), columns[: len(each)])
        del columns[: len(each)]


def _digest(journal_chain: bytes, first: int, last: int, content: bytes, market: bytes) -> bytes:
    """Return the digest of a row's fields after the journal that it follows."""
    return chained(journal_chain, first, last, blake2b(content).digest(), blake2b(market).digest())


def _unreadable(source: str, problem: str) -> StorageError:
    what = f"holds secured events that cannot be read: {problem}."
    return StorageError(source, what, "Keep a copy of the file for study and restore it from a backup.")
