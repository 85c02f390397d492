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

import orjson
from attrs import frozen

from meva_adapters.storage.chain import chained
from meva_adapters.storage.codec import (
    decode_commands,
    decode_decimal,
    decode_event,
    decode_texts,
    encode_commands,
    encode_decimal,
    encode_event,
    encode_texts,
)
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
        return (
            self.first_sequence,
            self.last_sequence,
            self.content,
            self.market,
            _digest(journal_chain, self.first_sequence, self.last_sequence, self.content, self.market),
        )


def lay_out(
    first_sequence: int,
    last_sequence: int,
    *,
    segments: Sequence[OpenSegment],
    entries: Sequence[JournalEntry],
    ledger: Sequence[LedgerRow],
) -> Waiting:
    """Return what waits, laid out; raise `OverflowError` on an integer of more than 64 bits in a market event."""
    columns = [[*segment.columns, *segment.levels] for segment in segments]
    content = {
        "market": [
            (segment.key.kind, segment.key.symbol, segment.key.timeframe, [len(column) for column in each])
            for segment, each in zip(segments, columns, strict=True)
        ],
        "entries": [_entry(entry) for entry in entries],
        "ledger": [
            (row.time_ns, row.cause, row.account, row.asset, encode_decimal(row.amount)) for row in ledger
        ],
    }
    market = b"".join(join_columns(each) for each in columns)
    return Waiting(first_sequence, last_sequence, orjson.dumps(content), market)


def read_back(
    row: Row, *, journal_chain: bytes, link: bytes, source: str
) -> tuple[list[JournalEntry], list[LedgerRow]]:
    """Return the entries and postings of a live row, after a journal that ends with *journal_chain* and *link*.

    Raises `StorageError` naming *source* where the row was changed, or does not follow that journal.
    """
    first, last, content, market, digest = row
    if _digest(journal_chain, first, last, content, market) != digest:
        raise _unreadable(source, "its digest is another")
    try:
        found = orjson.loads(content)
        events = dict(_market_events(found["market"], market))
        kept = {fields[0]: fields[1:] for fields in found["entries"]}
        entries = []
        for sequence in range(first, last + 1):
            event, commands, decisions, text = kept.get(sequence, (None, None, None, link.hex()))
            link = bytes.fromhex(text)
            entries.append(
                JournalEntry(
                    sequence,
                    events[sequence] if event is None else decode_event(event.encode(), source=source),
                    () if commands is None else decode_commands(commands.encode(), source=source),
                    () if decisions is None else decode_texts(decisions.encode(), source=source),
                    link,
                )
            )
        return entries, [
            LedgerRow(time_ns, cause, account, asset, decode_decimal(amount))
            for time_ns, cause, account, asset, amount in found["ledger"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise _unreadable(source, repr(problem)) from problem


def _entry(entry: JournalEntry) -> tuple[int, str | None, str | None, str | None, str]:
    event = None if isinstance(entry.event, MARKET_EVENTS) else encode_event(entry.event).decode()
    return (
        entry.sequence,
        event,
        encode_commands(entry.commands).decode() if entry.commands else None,
        encode_texts(entry.decisions).decode() if entry.decisions else None,
        entry.link.hex(),
    )


def _market_events(described: Sequence[Any], market: bytes) -> Iterator[tuple[int, MarketEvent]]:
    columns = split_columns(market, [length for *_, lengths in described for length in lengths])
    for *key, lengths in described:
        yield from rebuilt(SegmentKey(*key), columns[: len(lengths)])
        del columns[: len(lengths)]


def _digest(journal_chain: bytes, first: int, last: int, content: bytes, market: bytes) -> bytes:
    """Return the digest of a row's fields after the journal that it follows."""
    return chained(journal_chain, first, last, blake2b(content).digest(), blake2b(market).digest())


def _unreadable(source: str, problem: str) -> StorageError:
    what = f"holds secured events that cannot be read: {problem}."
    return StorageError(source, what, "Keep a copy of the file for study and restore it from a backup.")
