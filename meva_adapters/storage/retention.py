"""Keep a session file from growing with age: drop market events, and checkpoints, that nothing needs any more.

Decisions, orders, fills, postings and what operators did stay for ever. Every function works inside the caller's
transaction. Space that becomes free is used again by what is written next, so the file grows to its size once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import attrs

from meva_adapters.storage.session_reader import Head

# Deleting so many segments, some 100 kB, takes about a millisecond: an order that comes meanwhile waits no longer.
STEP_ROWS: Final = 32
# Checkpoints that old events can be verified from: at most an eighth more is kept than was asked for.
_ANCHORS: Final = 8


def thin_checkpoints(connection: sqlite3.Connection, kind: str, *, newest: int, kept_ns: int | None) -> None:
    """Drop checkpoints of *kind* but the *newest* and, where events are kept for *kept_ns*, some over that time."""
    rows = connection.execute("SELECT sequence FROM snapshots WHERE kind = ? ORDER BY sequence", (kind,))
    older = [sequence for (sequence,) in rows.fetchall()][:-newest]
    going = older if kept_ns is None else _between_anchors(connection, older, kept_ns // _ANCHORS)
    connection.executemany(
        "DELETE FROM snapshots WHERE kind = ? AND sequence = ?", [(kind, sequence) for sequence in going]
    )


def retire(connection: sqlite3.Connection, head: Head, kind: str, *, before_ns: int, rows_max: int) -> Head:
    """Drop the oldest market events up to the newest checkpoint of *kind* that is older than *before_ns*.

    Whole batches go, some *rows_max* segments at a time. Return the head without them, the same where nothing went.
    """
    anchor = _anchor(connection, kind, before_ns)
    if anchor is None:
        return head
    connection.execute("DELETE FROM snapshots WHERE kind = ? AND sequence < ?", (kind, anchor))
    [first_kept] = connection.execute(
        "SELECT batch FROM market WHERE last_sequence > ? ORDER BY last_sequence LIMIT 1", (anchor,)
    ).fetchone() or [head.batches + 1]
    rows = _whole_batches(connection, first_kept, rows_max)
    if not rows:
        return head
    connection.execute("DELETE FROM market WHERE id <= ?", (rows[-1][0],))
    retired = max(last_sequence for _, _, last_sequence, _ in rows)
    return attrs.evolve(head, retired_sequence=retired, retired_chain=rows[-1][3])


def _anchor(connection: sqlite3.Connection, kind: str, before_ns: int) -> int | None:
    """Return the newest checkpoint before *before_ns*: a restart reads what follows it, and so does a proof."""
    rows = connection.execute("SELECT sequence FROM snapshots WHERE kind = ? ORDER BY sequence DESC", (kind,))
    for (sequence,) in rows.fetchall():
        time_ns = _time_after(connection, sequence)
        if time_ns is not None and time_ns < before_ns:
            return int(sequence)
    return None


def _between_anchors(connection: sqlite3.Connection, sequences: Sequence[int], gap_ns: int) -> list[int]:
    """Return the *sequences* but some that lie at least *gap_ns* apart, the oldest among them."""
    going, last_ns = [], None
    for sequence in sequences:
        time_ns = _time_after(connection, sequence)
        if time_ns is None or last_ns is None or time_ns - last_ns >= gap_ns:
            last_ns = time_ns
        else:
            going.append(sequence)
    return going


def _time_after(connection: sqlite3.Connection, sequence: int) -> int | None:
    """Return the time of the journal's next row: no event up to *sequence* is younger. `None`: it is not known yet."""
    row = connection.execute(
        "SELECT time_ns FROM journal WHERE sequence > ? ORDER BY sequence LIMIT 1", (sequence,)
    ).fetchone()
    return None if row is None else int(row[0])


def _whole_batches(
    connection: sqlite3.Connection, first_kept: int, rows_max: int
) -> list[tuple[int, int, int, bytes]]:
    """Return (id, batch, last sequence, chain) of the oldest segments before batch *first_kept*, no batch in part.

    Read in the order of their ids, and no further than needed: the table may hold millions that stay.
    """
    rows = connection.execute(
        "SELECT id, batch, last_sequence, chain FROM market ORDER BY id LIMIT ?", (rows_max + 1,)
    ).fetchall()
    if len(rows) > rows_max:
        cut = rows[-1][1]  # It may go on.
        if rows[0][1] == cut:
            return _whole_batches(connection, first_kept, 2 * rows_max)
        rows = [row for row in rows if row[1] != cut]
    return [row for row in rows if row[1] < first_kept]
