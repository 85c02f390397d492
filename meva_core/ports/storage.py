"""Define what durable storage must offer: an append-only journal and snapshots of the state.

Entries are what the core produced and consumed; how they are encoded is the adapter's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from attrs import frozen

from meva_core.commands import Command
from meva_core.events import Event


@frozen
class JournalEntry:
    """Hold one handled event with everything that followed from it.

    *sequence* rises by one per event. *decisions* are the canonical decision texts, in order;
    *link* is the decision hash after them (the previous link when there were none).
    """

    sequence: int
    event: Event
    commands: tuple[Command, ...]
    decisions: tuple[str, ...]
    link: bytes


@frozen
class SessionHeader:
    """Describe a session: enough to build the same agent again."""

    session_id: str
    mode: str
    account: str
    config_json: str
    config_hash: str
    tape_hash: str
    seed: int
    program_version: str
    started_ns: int


class Journal(Protocol):
    """Keep events, commands and decisions in order. A returned `commit` is durable."""

    def append(self, entry: JournalEntry) -> None:
        """Buffer *entry*; its sequence must follow the last one."""
        ...

    def commit(self) -> None:
        """Make everything appended so far durable; raise `StorageError` when that fails."""
        ...

    def entries(self, after_sequence: int = 0) -> Iterator[JournalEntry]:
        """Yield the committed entries with a larger sequence, in order."""
        ...

    def last_sequence(self) -> int:
        """Return the sequence of the last committed entry, 0 when there is none."""
        ...


class SnapshotStore(Protocol):
    """Keep checkpoints of the agent; any of them plus the journal after it restores it."""

    def save(self, sequence: int, checkpoint: dict[str, Any]) -> None:
        """Store *checkpoint* (JSON-like values and Decimal) taken after event *sequence*."""
        ...

    def load_latest(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest checkpoint with its sequence, or `None`."""
        ...


class Session(Journal, SnapshotStore, Protocol):
    """Keep one session: header, journal and snapshots."""

    @property
    def header(self) -> SessionHeader:
        """Return what the session was started with."""
        ...

    def close(self, results: Sequence[tuple[str, str]] = ()) -> None:
        """Commit, note final *results* (name, value), and release the store."""
        ...
