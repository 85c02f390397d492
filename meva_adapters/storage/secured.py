"""Lay out what waits for a commit as one row that is written ahead of it, and read it back; write nothing.

An order must not leave before its cause is durable, and a commit fills many tables. So everything that the next commit
will write is first secured as one row, which costs a third of the time. The commit then makes it obsolete; where a
process ends between the two, whoever opens the session next appends it anew. The row is JSON, as the journal is, with the
columns of market events in it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
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
from meva_adapters.storage.market_segments import MARKET_EVENTS, OpenSegment, SegmentKey, widened
from meva_core.errors import StorageError
from meva_core.events import Event
from meva_core.ports.storage import JournalEntry, LedgerRow

# There is one row at most. It is live while it reaches further than the journal.
WRITE: Final = "INSERT OR REPLACE INTO secured VALUES (1, ?, ?, ?, ?)"
READ: Final = "SELECT first_sequence, last_sequence, content, digest FROM secured WHERE last_sequence > ?"
FORGET: Final = "DELETE FROM secured"


@frozen
class Waiting:
    """Hold what waits for a commit: events *first_sequence* to *last_sequence*, laid out as *content*."""

    first_sequence: int
    last_sequence: int
    content: bytes

    def row(self, journal_chain: bytes) -> tuple[int, int, bytes, bytes]:
        """Return the row that says so, after a journal that ends with *journal_chain*."""
        fields = (self.first_sequence, self.last_sequence, self.content)
        return (*fields, chained(journal_chain, *fields))


def lay_out(
    segments: Sequence[OpenSegment], entries: Sequence[JournalEntry], ledger: Sequence[LedgerRow]
) -> bytes:
    """Return the content of the row; raise `OverflowError` on an integer of more than 64 bits."""
    return orjson.dumps(
        {
            "market": [_market(segment.key, segment.narrowed()) for segment in segments],
            "entries": [_entry(entry) for entry in entries],
            "ledger": [
                (row.time_ns, row.cause, row.account, row.asset, encode_decimal(row.amount)) for row in ledger
            ],
        }
    )


def read_back(
    row: tuple[int, int, bytes, bytes], *, journal_chain: bytes, link: bytes, source: str
) -> tuple[list[JournalEntry], list[LedgerRow]]:
    """Return the entries and postings of a live row, after a journal that ends with *journal_chain* and *link*.

    Raises `StorageError` naming *source* where the row was changed, or does not follow that journal.
    """
    first, last, content, digest = row
    if chained(journal_chain, first, last, content) != digest:
        raise _unreadable(source, "its digest is another")
    try:
        found = orjson.loads(content)
        market = dict(_market_events(found["market"]))
        kept = {fields[0]: fields[1:] for fields in found["entries"]}
        ledger = [
            LedgerRow(time_ns, cause, account, asset, decode_decimal(amount))
            for time_ns, cause, account, asset, amount in found["ledger"]
        ]
        entries = []
        for sequence in range(first, last + 1):
            event, commands, decisions, text = kept.get(sequence, (None, None, None, link.hex()))
            link = bytes.fromhex(text)
            told = market[sequence] if event is None else decode_event(event.encode(), source=source)
            entries.append(
                JournalEntry(
                    sequence,
                    told,
                    () if commands is None else decode_commands(commands.encode(), source=source),
                    () if decisions is None else decode_texts(decisions.encode(), source=source),
                    link,
                )
            )
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise _unreadable(source, repr(problem)) from problem
    return entries, ledger


def _entry(entry: JournalEntry) -> tuple[int, str | None, str | None, str | None, str]:
    event = None if isinstance(entry.event, MARKET_EVENTS) else encode_event(entry.event).decode()
    return (
        entry.sequence,
        event,
        encode_commands(entry.commands).decode() if entry.commands else None,
        encode_texts(entry.decisions).decode() if entry.decisions else None,
        entry.link.hex(),
    )


def _market(key: SegmentKey, columns: bytes) -> tuple[str, str, str, str]:
    return (key.kind, key.symbol, key.timeframe, b64encode(columns).decode())


def _market_events(rows: Sequence[Any]) -> list[tuple[int, Event]]:
    return [
        event
        for *key, columns in rows
        for event in widened(SegmentKey(*key), b64decode(columns, validate=True))
    ]


def _unreadable(source: str, problem: str) -> StorageError:
    what = f"holds secured events that cannot be read: {problem}."
    return StorageError(source, what, "Keep a copy of the file for study and restore it from a backup.")
