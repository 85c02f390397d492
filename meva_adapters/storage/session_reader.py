"""Read a session file back, checking each row against its chain; write nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from meva_adapters.storage.chain import chained
from meva_adapters.storage.codec import decode, decode_commands, decode_decimal, decode_event, decode_texts
from meva_adapters.storage.market_segments import Segment, SegmentKey, columns_of, events_of
from meva_adapters.storage.row_reader import RowReader
from meva_adapters.storage.schema import SECURES_SINCE
from meva_adapters.storage.secured import READ, Row
from meva_adapters.storage.session_file import BEGUN
from meva_core.commands import Command
from meva_core.errors import StorageError
from meva_core.events import Event, MarketEvent
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.ports.storage import JournalEntry, LedgerRow, SessionHeader

_RESTORE: Final = "Restore the file from a backup; what lies before that event is sound."
_HEADER_FIELDS: Final = tuple(field.name for field in attrs.fields(SessionHeader))
_PAGE_ROWS: Final = 64  # A segment of 4,096 events takes some 50 kB,
_JOURNAL_PAGE_ROWS: Final = 512  # a row of the journal some 1 kB.
_ALL_ROWS: Final = (1 << 63) - 1
_OLDEST_SNAPSHOT: Final = (
    "SELECT sequence, checkpoint, digest FROM snapshots WHERE kind = ? ORDER BY sequence LIMIT 1"
)
_NEWEST_SNAPSHOT: Final = (
    "SELECT sequence, checkpoint, digest FROM snapshots WHERE kind = ? ORDER BY sequence DESC LIMIT 1"
)
_INTEGER_FIELDS: Final = ("seed", "started_ns")


@frozen
class Head:
    """Say where the journal ends; what lies at or before *retired_sequence* has lost its market events."""

    last_sequence: int
    batches: int
    link: bytes
    journal_chain: bytes
    market_chain: bytes
    retired_sequence: int
    retired_chain: bytes


@frozen
class _Row:
    sequence: int
    event: Event | None
    commands: tuple[Command, ...]
    decisions: tuple[str, ...]
    link: bytes


class SessionReader(RowReader):
    """Read one session through an open connection."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        super().__init__(connection, path)
        self.header = self._read_header()

    def head(self) -> Head:
        """Return where the journal ends; raise `StorageError` when the last rows say otherwise."""
        row = self._one(
            "SELECT last_sequence, batches, link, journal_chain, market_chain, retired_sequence,"
            " retired_chain FROM head"
        )
        if row is None:
            raise self._damaged("has no head row.")
        head = Head(*row)
        last_row = self._one("SELECT sequence, chain FROM journal ORDER BY sequence DESC LIMIT 1")
        row_sequence, row_chain = last_row or (0, genesis(self.header))
        last_segment = self._one("SELECT chain FROM market ORDER BY id DESC LIMIT 1")
        [market_chain] = last_segment or [head.retired_chain]
        # Segments of one batch may end in any order, so the last one need not hold the last event.
        latest = self._one("SELECT last_sequence FROM market ORDER BY last_sequence DESC LIMIT 1")
        [market_sequence] = latest or [head.retired_sequence]
        ends = (max(row_sequence, market_sequence), row_chain, market_chain)
        if ends != (head.last_sequence, head.journal_chain, head.market_chain):
            raise self._damaged(f"does not end at event {head.last_sequence}, as its head row says.")
        return head

    def secured(self, head: Head) -> Row | None:
        """Return the row that reaches further than the journal, or `None` where there is none; see `read_back`."""
        [(version,)] = self._all("PRAGMA user_version")
        return self._one(READ, head.last_sequence) if version >= SECURES_SINCE else None

    def entries(self, after_sequence: int = 0) -> Iterator[JournalEntry]:
        """Yield the committed entries with a larger sequence, in order, as of the moment of the call.

        Raises `StorageError` naming the first event that was changed or lost.
        """
        head = self.head()
        if after_sequence < head.retired_sequence:
            problem = f"has retired the market events up to {head.retired_sequence}."
            raise StorageError(str(self._path), problem, "Read from there on, or use an archived copy.")
        return self._merged(after_sequence, head)

    def batches(self, after_sequence: int, head: Head) -> Iterator[list[Segment]]:
        """Yield market segments that reach beyond *after_sequence*, those of one batch together."""
        batch: list[Segment] = []
        number = -1
        for batch_number, segment in self._segments(after_sequence, head):
            if batch and batch_number != number:
                yield batch
                batch = []
            number = batch_number
            batch.append(segment)
        if batch:
            yield batch

    def market_events(self, batch: list[Segment]) -> Iterator[tuple[int, MarketEvent]]:
        """Yield the events of one batch with their sequences, in order."""
        return merge(*(self._unpacked(segment) for segment in batch), key=itemgetter(0))

    def span_ns(self, head: Head) -> tuple[int, int]:
        """Return the times of the first and last event that are still there; raise `StorageError` when none is."""
        times = [time_ns for (time_ns,) in self._all("SELECT min(time_ns) FROM journal WHERE time_ns > 0")]
        times += [time_ns for (time_ns,) in self._all("SELECT max(time_ns) FROM journal")]
        for order in ("ASC", "DESC"):
            row = self._one(f"SELECT id FROM market ORDER BY id {order} LIMIT 1")  # noqa: S608 - one of two words.
            if row is not None:
                for _, segment in self._segments_at(row[0], head):
                    with self.unpacking(segment):
                        seen = columns_of(segment)[0]
                    times += (seen[0], seen[-1])
        known = [time_ns for time_ns in times if time_ns is not None]
        if not known:
            raise StorageError(str(self._path), "holds no event.", "Record something in it first.")
        return min(known), max(known)

    def snapshot(self, kind: str, *, oldest: bool = False) -> tuple[int, Any] | None:
        """Return the newest snapshot of *kind*, or the oldest, with its sequence; `None` where there is none."""
        row = self._one(_OLDEST_SNAPSHOT if oldest else _NEWEST_SNAPSHOT, kind)
        if row is None:
            return None
        sequence, checkpoint, digest = row
        if digest != chained(b"", kind, sequence, checkpoint):
            raise self._damaged(f"has a changed snapshot at event {sequence}.")
        return sequence, decode(checkpoint, source=f"{self._path}, snapshot {sequence}")

    def ledger(self) -> Iterator[LedgerRow]:
        """Yield every posting of the ledger table, in the order of booking."""
        for _, time_ns, cause, account, asset, amount in self._pages(
            "SELECT id, time_ns, cause, account, asset, amount FROM ledger WHERE id > ? AND id <= ? ORDER BY id",
            0,
            _ALL_ROWS,
        ):
            yield LedgerRow(time_ns, cause, account, asset, decode_decimal(amount))

    def newest_ids(self) -> tuple[str, dict[str, str]]:
        """Return the largest id of an order, empty for none, and of a trade by symbol, for a venue that numbers both.

        Of two numbers the longer is larger, whatever their digits; a venue writes all of them in one way.
        """
        [(order_id,)] = self._all(
            "SELECT coalesce(max(printf('%04d', length(venue_order_id)) || venue_order_id), '') FROM orders"
        )
        trades = self._all(
            "SELECT symbol, max(printf('%04d', length(trade_id)) || trade_id) FROM fills"
            " GROUP BY symbol ORDER BY symbol"
        )
        return order_id[4:], {symbol: trade_id[4:] for symbol, trade_id in trades}

    def fills(self, up_to_sequence: int) -> Iterator[tuple[int, str, Fill]]:
        """Yield time, strategy and fill of every order of ours, as of event *up_to_sequence*, in order of booking."""
        for _, time_ns, strategy, *fields in self._pages(
            "SELECT fills.rowid, fills.time_ns, orders.strategy, fills.symbol, trade_id, fills.client_order_id,"
            " fills.venue_order_id, fills.side, price, fills.quantity, fee, fee_asset, liquidity, venue_time_ns"
            " FROM fills JOIN orders USING (client_order_id)"
            " WHERE fills.rowid > ? AND fills.sequence <= ? ORDER BY fills.rowid",
            0,
            up_to_sequence,
        ):
            symbol, trade_id, name, venue_id, side, price, quantity, fee, asset, liquidity, venue_ns = fields
            amounts = (decode_decimal(price), decode_decimal(quantity), decode_decimal(fee))
            fill = Fill(
                symbol, trade_id, name, venue_id, Side(side), *amounts, asset, Liquidity(liquidity), venue_ns
            )
            yield time_ns, strategy, fill

    def results(self) -> dict[str, str]:
        """Return the final results by name; empty while the session runs, and after a crash."""
        return dict(self._all("SELECT name, value FROM results ORDER BY name"))

    def journal_rows(self, head: Head, after_sequence: int = 0) -> Iterator[tuple[Any, ...]]:
        """Yield (sequence, time_ns, kind, event, commands, decisions, link) as stored, each checked by its chain.

        *event* is `None` where the event stands in the market table; nothing is decoded.
        """
        before = self._one(
            "SELECT chain FROM journal WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1", after_sequence
        )
        chain = bytes(before[0]) if before else genesis(self.header)
        for *fields, stored in self._pages(
            "SELECT sequence, time_ns, kind, event, commands, decisions, link, chain FROM journal"
            " WHERE sequence > ? AND sequence <= ? ORDER BY sequence",
            after_sequence,
            head.last_sequence,
            page_rows=_JOURNAL_PAGE_ROWS,
        ):
            chain = chained(chain, *fields)
            if chain != stored:
                raise self._damaged(f"has a changed, lost or added row at event {fields[0]}.")
            yield tuple(fields)

    def sequences_of(self, word: str, first_sequence: int, head: Head) -> list[int]:
        """Return the events from *first_sequence* on whose row of the journal holds *word* anywhere, in order."""
        sought = word.encode()
        rows = self._all(
            "SELECT sequence FROM journal WHERE sequence >= ? AND sequence <= ? AND"
            " (instr(event, ?) OR instr(commands, ?) OR instr(decisions, ?)) ORDER BY sequence",
            first_sequence,
            head.last_sequence,
            sought,
            sought,
            sought,
        )
        return [sequence for (sequence,) in rows]

    def link_at(self, sequence: int) -> bytes:
        """Return the link of the decision chain after event *sequence*; empty before the first."""
        row = self._one(
            "SELECT link FROM journal WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1", sequence
        )
        return bytes(row[0]) if row else b""

    def _merged(self, after_sequence: int, head: Head) -> Iterator[JournalEntry]:
        link = self.link_at(after_sequence)
        rows = self._rows(after_sequence, head)
        market = self._market(after_sequence, head)
        row = next(rows, None)
        priced = next(market, None)
        for sequence in range(after_sequence + 1, head.last_sequence + 1):
            event: Event | None = None
            commands: tuple[Command, ...] = ()
            decisions: tuple[str, ...] = ()
            if row is not None and row.sequence == sequence:
                event, commands, decisions, link = row.event, row.commands, row.decisions, row.link
                row = next(rows, None)
            if priced is not None and priced[0] == sequence:
                event = priced[1]
                priced = next(market, None)
            if event is None:
                raise self._damaged(f"has lost event {sequence}.")
            yield JournalEntry(sequence, event, commands, decisions, link)

    def _rows(self, after_sequence: int, head: Head) -> Iterator[_Row]:
        for sequence, _, _, event, commands, decisions, link in self.journal_rows(head, after_sequence):
            source = f"{self._path}, event {sequence}"
            yield _Row(
                sequence,
                None if event is None else decode_event(event, source=source),
                () if commands is None else decode_commands(commands, source=source),
                () if decisions is None else decode_texts(decisions, source=source),
                link,
            )

    def _market(self, after_sequence: int, head: Head) -> Iterator[tuple[int, MarketEvent]]:
        for batch in self.batches(after_sequence, head):
            for sequence, event in self.market_events(batch):
                if sequence > after_sequence:
                    yield sequence, event

    def _segments(self, after_sequence: int, head: Head) -> Iterator[tuple[int, Segment]]:
        first = self._one("SELECT min(id) FROM market WHERE last_sequence > ?", after_sequence)
        if first is None or first[0] is None:
            return
        [first_id] = first
        before = self._one("SELECT chain FROM market WHERE id < ? ORDER BY id DESC LIMIT 1", first_id)
        chain = bytes(before[0]) if before else head.retired_chain
        for _, *fields, stored in self._pages(
            "SELECT id, batch, kind, symbol, timeframe, first_sequence, last_sequence, rows, columns, chain"
            " FROM market WHERE id > ? AND batch <= ? ORDER BY id",
            first_id - 1,
            head.batches,
        ):
            batch, kind, symbol, timeframe, first_sequence, last_sequence, rows, columns = fields
            chain = chained(chain, *fields)
            if chain != stored:
                raise self._damaged(
                    f"has a changed, lost or added segment at events {first_sequence} to {last_sequence}."
                )
            key = SegmentKey(kind, symbol, timeframe)
            yield batch, Segment(key, first_sequence, last_sequence, rows, columns)

    def _segments_at(self, place: int, head: Head) -> Iterator[tuple[int, Segment]]:
        """Yield the one segment with the id *place*, unchecked: whoever reads events checks the chain."""
        row = self._one(
            "SELECT batch, kind, symbol, timeframe, first_sequence, last_sequence, rows, columns FROM market"
            " WHERE id = ? AND batch <= ?",
            place,
            head.batches,
        )
        if row is not None:
            batch, kind, symbol, timeframe, *rest = row
            yield batch, Segment(SegmentKey(kind, symbol, timeframe), *rest)

    @contextlib.contextmanager
    def unpacking(self, segment: Segment) -> Iterator[None]:
        """Turn what unpacking *segment* raises into `StorageError`."""
        try:
            yield
        except (ValueError, IndexError) as problem:
            place = f"events {segment.first_sequence} to {segment.last_sequence}"
            raise self._damaged(f"has an unreadable segment at {place}: {problem}.") from problem

    def _unpacked(self, segment: Segment) -> list[tuple[int, MarketEvent]]:
        with self.unpacking(segment):
            return list(events_of(segment))

    def _read_header(self) -> SessionHeader:
        values: dict[str, Any] = dict(self._all("SELECT name, value FROM header"))
        if not values:
            raise StorageError(str(self._path), BEGUN, "Remove it and start again.")
        try:
            for name in _INTEGER_FIELDS:
                values[name] = int(values[name])
            return SessionHeader(**values)
        except (KeyError, TypeError, ValueError) as problem:
            raise self._damaged(f"has an incomplete header: {problem}.") from problem

    def _pages(
        self, sql: str, after: int, bound: int, *, page_rows: int = _PAGE_ROWS
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of *sql* page by page, from its first column's value *after* on.

        No statement stays open in between: it would keep the file from being closed while a reader pauses.
        """
        while page := self._all(f"{sql} LIMIT {page_rows}", after, bound):
            yield from page
            after = page[-1][0]

    def _damaged(self, problem: str) -> StorageError:
        return StorageError(str(self._path), problem, _RESTORE)


def header_rows(header: SessionHeader) -> list[dict[str, str]]:
    """Return the header as rows of name and value."""
    return [{"name": name, "value": str(getattr(header, name))} for name in _HEADER_FIELDS]


def genesis(header: SessionHeader) -> bytes:
    """Return the digest before the first row, so that an altered header breaks the chain too."""
    return chained(b"", *(getattr(header, name) for name in _HEADER_FIELDS))
