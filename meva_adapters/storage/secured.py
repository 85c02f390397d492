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
from meva_adapters.storage.codec import decode, dumped, packed
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
    """Hold what waits for a commit: events *first_sequence* to *last_sequence*, as JSON and as joined columns.

    The two have their digests with them: whoever writes the row has little left to do.
    """

    first_sequence: int
    last_sequence: int
    content: bytes
    market: bytes
    digests: tuple[bytes, bytes]

    def row(self, journal_chain: bytes) -> Row:
        """Return the row that says so, after a journal that ends with *journal_chain*."""
        first, last = self.first_sequence, self.last_sequence
        return first, last, self.content, self.market, chained(journal_chain, first, last, *self.digests)


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

    def content() -> list[Any]:
        described = [
            [segment.key.kind, segment.key.symbol, segment.key.timeframe, list(map(len, each))]
            for segment, each in zip(segments, columns, strict=True)
        ]
        return [
            described,
            [_kept(entry) for entry in entries],
            [packed(list(astuple(row))) for row in ledger],
        ]

    text, market = dumped(content), b"".join(join_columns(each) for each in columns)
    return Waiting(first_sequence, last_sequence, text, market, (_short(text), _short(market)))


def _kept(entry: JournalEntry) -> list[Any]:
    return [
        entry.sequence,
        None if isinstance(entry.event, MARKET_EVENTS) else packed(entry.event),
        [packed(command) for command in entry.commands],
        list(entry.decisions),
        packed(entry.link),
    ]


def read_back(
    row: Row, *, journal_chain: bytes, link: bytes, source: str
) -> tuple[list[JournalEntry], list[LedgerRow]]:
    """Return the entries and postings of a live row, after a journal that ends with *journal_chain* and *link*.

    Raises `StorageError` naming *source* where the row was changed, or does not follow that journal.
    """
    first, last, content, columns, digest = row
    if chained(journal_chain, first, last, _short(content), _short(columns)) != digest:
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


def _short(content: bytes) -> bytes:
    return blake2b(content).digest()


def _unreadable(source: str, problem: str) -> StorageError:
    what = f"holds secured events that cannot be read: {problem}."
    return StorageError(source, what, "Keep a copy of the file for study and restore it from a backup.")
