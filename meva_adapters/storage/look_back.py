"""Look back into a session's journal, a few rows at a time; write nothing.

Each row that is shown is checked by its chain. The table of orders says where an order's story begins, so that nobody
reads the whole journal for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from meva_adapters.storage.chain import chained
from meva_adapters.storage.codec import decode_commands, decode_event, decode_texts
from meva_adapters.storage.row_reader import RowReader
from meva_core.errors import StorageError
from meva_core.events import AgentStarted, Event, OrderFilled, OrderQueryAnswered, VenueStateObserved
from meva_core.execution.order_lifecycle import TERMINAL
from meva_core.model.fill import Fill
from meva_core.ports.storage import Happening, OrderSpan, Sight, Wanted

_COLUMNS: Final = "sequence, time_ns, kind, event, commands, decisions, link, chain"
_BEFORE: Final = (
    "SELECT sequence, time_ns FROM journal WHERE sequence < ? ORDER BY sequence DESC LIMIT 1 OFFSET ?"
)
_WINDOW: Final = "SELECT sequence, time_ns FROM journal WHERE sequence > ? ORDER BY sequence LIMIT 1 OFFSET ?"
_LAST: Final = "SELECT max(sequence) FROM journal"
_NAMING: Final = (
    f"SELECT {_COLUMNS} FROM journal WHERE sequence > ? AND sequence <= ? AND"  # noqa: S608 - no value of anybody's.
    " (kind = ? OR instr(event, ?) OR instr(commands, ?) OR instr(decisions, ?) OR instr(decisions, ?))"
    " ORDER BY sequence LIMIT ?"
)
_CHAIN_BEFORE: Final = "SELECT chain FROM journal WHERE sequence < ? ORDER BY sequence DESC LIMIT 1"
_SPAN: Final = "SELECT sequence, status, updated_ns FROM orders WHERE client_order_id = ?"
_SYMBOL: Final = "SELECT symbol FROM orders WHERE client_order_id = ?"
_BOOKED: Final = "SELECT sequence FROM fills WHERE symbol = ? AND trade_id = ?"
# To show a row takes ten times as long as to pass over one, so a look ends after so many of them.
FOUND_MAX: Final = 16
_ENDS: Final = frozenset(status.value for status in TERMINAL)
_CANCEL_ALL: Final = b'"cancel_all '
_REMEDY: Final = "Restore the file from a backup; what lies before that event is sound."


class LookBack(RowReader):
    """Read through *connection*, whose owner lets nobody write meanwhile; *genesis* begins the chain."""

    def __init__(self, connection: sqlite3.Connection, path: Path, genesis: bytes) -> None:
        super().__init__(connection, path)
        self._genesis = genesis

    def span_of(self, client_order_id: str) -> OrderSpan | None:
        """Return where the order's story begins; see the port."""
        row = self._one(_SPAN, client_order_id)
        if row is None:
            return None
        sequence, status, updated_ns = row
        return OrderSpan(sequence, updated_ns if status in _ENDS else 0)

    def look_back(self, before_sequence: int, *, rows_max: int, wanted: Wanted | None = None) -> Sight:
        """Return those of the last rows before *before_sequence* that are wanted; see the port."""
        window = self._one(_BEFORE, before_sequence, rows_max - 1)
        sql, values = _wanted(wanted)
        rows = self._all(sql, window[0] if window else 0, before_sequence, *values, FOUND_MAX)[::-1]
        return self._sight(rows, rows[:1], window)

    def look_for(self, client_order_id: str, after_sequence: int, *, rows_max: int) -> Sight:
        """Return those of the next rows that name the order, or concern all; see the port."""
        window = self._one(_WINDOW, after_sequence, rows_max - 1)
        end = (window or self._one(_LAST) or (0,))[0]
        quoted, word = f'"{client_order_id}"'.encode(), client_order_id.encode()
        rows = self._all(
            _NAMING,
            after_sequence,
            end or 0,
            AgentStarted.__name__,
            quoted,
            quoted,
            word,
            _CANCEL_ALL,
            FOUND_MAX,
        )
        return self._sight(rows, rows[-1:], window)

    def _sight(
        self, rows: list[tuple[Any, ...]], last: list[tuple[Any, ...]], window: tuple[Any, ...] | None
    ) -> Sight:
        """Return what *rows* tell; it goes on after the *last* of them where there may be more in the *window*."""
        reached = last[0][:2] if len(rows) == FOUND_MAX else window or (0, 0)
        return Sight(tuple(self._happening(row) for row in rows), *reached)

    def _happening(self, row: tuple[Any, ...]) -> Happening:
        *fields, chain = row
        sequence, time_ns, _, event, commands, decisions, _ = fields
        before = self._one(_CHAIN_BEFORE, sequence)
        if chained(bytes(before[0]) if before else self._genesis, *fields) != chain:
            problem = f"has a changed, lost or added row at event {sequence}."
            raise StorageError(str(self._path), problem, _REMEDY)
        source = f"{self._path}, event {sequence}"
        told = None if event is None else decode_event(event, source=source)
        return Happening(
            sequence,
            time_ns,
            told,
            () if commands is None else decode_commands(commands, source=source),
            () if decisions is None else decode_texts(decisions, source=source),
            self._symbol(told),
            tuple(fill for fill in fills_in(told) if self._one(_BOOKED, *_key(fill)) == (sequence,)),
        )

    def _symbol(self, event: Event | None) -> str:
        name = getattr(event, "client_order_id", "")
        row = self._one(_SYMBOL, name) if name else None
        return str(row[0]) if row else ""


def _wanted(wanted: Wanted | None) -> tuple[str, list[object]]:
    """Return the statement that finds what is *wanted* between two events, and its values after those two."""
    sql = f"SELECT {_COLUMNS} FROM journal WHERE sequence >= ? AND sequence < ?"  # noqa: S608 - as above.
    values: list[object] = []
    if wanted is not None:
        terms = ["kind = ?"] * len(wanted.events) + ["instr(decisions, ?)"] * len(wanted.words)
        sql += f" AND ({' OR '.join(terms)})"
        values = [*wanted.events, *(f'"{word} '.encode() for word in wanted.words)]
    return f"{sql} ORDER BY sequence DESC LIMIT ?", values


def fills_in(event: Event | None) -> Iterator[Fill]:
    """Yield the fills that *event* tells of, whether or not they were told of before."""
    if isinstance(event, OrderFilled):
        yield event.fill
    elif isinstance(event, OrderQueryAnswered | VenueStateObserved):
        yield from event.fills


def _key(fill: Fill) -> tuple[str, str]:
    return fill.symbol, fill.trade_id
