"""Define what durable storage must offer: an append-only journal and snapshots of the state.

Entries are what the core produced and consumed; how they are encoded is the adapter's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Protocol

from attrs import frozen

from meva_core.commands import Command
from meva_core.events import Event
from meva_core.model.fill import Fill
from meva_core.model.state import CanonicalState
from meva_core.ports.market_feed import BarBlock, TradeBlock


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


@frozen
class LedgerRow:
    """Hold one posting of a ledger entry, for people to query; *cause* names the event behind it."""

    time_ns: int
    cause: str
    account: str
    asset: str
    amount: Decimal


@frozen
class Happening:
    """Hold what the journal itself tells of one event, for people who look back.

    *event* is `None` for a market event. *symbol* is that of the order which the event is about, empty where there is
    none; *fills* are those that were booked by it.
    """

    sequence: int
    time_ns: int
    event: Event | None
    commands: tuple[Command, ...]
    decisions: tuple[str, ...]
    symbol: str
    fills: tuple[Fill, ...]


@frozen
class Sight:
    """Hold what one look has found, oldest first.

    *reached* is the last event looked at, 0 when there is no more, and *reached_ns* its time.
    """

    found: tuple[Happening, ...]
    reached: int
    reached_ns: int


@frozen
class Wanted:
    """Name what is looked for: *events* by their classes' names, decisions by the first *words* of their texts."""

    events: tuple[str, ...]
    words: tuple[str, ...]


@frozen
class OrderSpan:
    """Say which event decided on an order, and when the order was over; *ended_ns* is 0 where that is not known."""

    sequence: int
    ended_ns: int


class History(Protocol):
    """Look back over what is committed, some rows at a time, while others append and commit.

    Any thread may ask. Nothing is locked for longer than one call, which raises `StorageError` where what it reads was
    changed.
    """

    def span_of(self, client_order_id: str) -> OrderSpan | None:
        """Return where the order's story begins; `None` for an order that this session never placed."""
        ...

    def look_back(self, before_sequence: int, *, rows_max: int, wanted: Wanted | None = None) -> Sight:
        """Return, of the last *rows_max* events with a smaller sequence, those that are *wanted*; without it all.

        Market events from which nothing followed do not count: no row of the journal holds them. A store may go through
        fewer, where many are found; *reached* of the sight says where to go on.
        """
        ...

    def look_for(self, client_order_id: str, after_sequence: int, *, rows_max: int) -> Sight:
        """Return, of the next *rows_max* such events, those that name the order, or concern every order that is open.

        These are starts of the agent, and the decisions to cancel everything. A store may go through fewer.
        """
        ...


class Journal(Protocol):
    """Keep events, commands and decisions in order. A returned `commit` is durable.

    Appending touches no disk, and may go on while another thread commits; what it adds meanwhile belongs to
    the next commit. It raises `InvariantError` when some million events wait for a commit. After a failed
    commit every call but `close` raises: the store holds what was committed before.
    """

    def append(self, entry: JournalEntry, postings: Sequence[LedgerRow] = ()) -> None:
        """Buffer *entry* and what it books; raise `InvariantError` unless its sequence follows the last one.

        *postings* are for the ledger table. No commit ever holds the one without the other.
        """
        ...

    def append_trades(self, first_sequence: int, block: TradeBlock, *, start: int, stop: int) -> None:
        """Buffer rows *start* to *stop* of *block* as one event each, from which nothing followed.

        The first gets *first_sequence*. They read back as entries without commands and decisions.
        """
        ...

    def append_bars(self, first_sequence: int, block: BarBlock, *, start: int, stop: int) -> None:
        """Buffer rows *start* to *stop* of *block*, as `append_trades` does for trades."""
        ...

    def commit(self) -> None:
        """Make everything appended so far durable, in one transaction; raise `StorageError` otherwise."""
        ...

    def securing(self) -> Callable[[], None]:
        """Read what waits for a commit now, and return what makes it durable; another thread may call it, once.

        It takes less time than a commit, which an order waits for. It is no commit: what it wrote becomes readable
        with the next one, or when the store is opened again after the process has died.
        """
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
        """Store *checkpoint* taken after event *sequence*, and commit everything appended so far with it.

        It may hold plain values, lists, tuples, dictionaries, Decimal, bytes, and the classes of events,
        commands and state. Raise `InvariantError` when *sequence* was not appended yet.
        """
        ...

    def saving(self, sequence: int, checkpoint: dict[str, Any]) -> Callable[[], None]:
        """Read *checkpoint* now, and return what does the rest of `save`; another thread may call it, once."""
        ...

    def retire(self, before_ns: int) -> bool:
        """Drop the oldest market events up to the newest checkpoint before *before_ns*; return whether any went.

        A store may do it in small steps: call it until nothing went. What is not the market's stays for ever, but no
        `entries` are read any more from before what went: it raises `StorageError`.
        """
        ...

    def load_latest(self) -> tuple[int, dict[str, Any]] | None:
        """Return the newest checkpoint with its sequence, or `None`."""
        ...


class PortfolioStateStore(Protocol):
    """Keep the canonical state by itself, for whoever needs it without the journal."""

    def load(self) -> CanonicalState:
        """Return the newest state; raise `StorageError` when there is none."""
        ...

    def save(self, state: CanonicalState) -> None:
        """Make *state* durable."""
        ...


class Session(Journal, SnapshotStore, History, Protocol):
    """Keep one session: header, journal and snapshots."""

    @property
    def header(self) -> SessionHeader:
        """Return what the session was started with."""
        ...

    def close(self, results: Sequence[tuple[str, str]] = ()) -> None:
        """Commit, note final *results* (name, value), and release the store; a second call does nothing."""
        ...
