"""Define how market data enters: recorded, as tapes of blocks in time order, or live, as streams of events."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from attrs import define

from meva_core.events import Event
from meva_core.model.market import Side

# Integers of 64 bits. Arrays (of typecode "q") are read and calculated with faster; whoever reads need not know.
Column: TypeAlias = "list[int] | array[int]"


@define
class TradeBlock:
    """Hold consecutive trades of one symbol as equally long columns, on the instrument's grid.

    *times* are agent (receive) times in ns UTC, never falling. *ids* are -1 where the source has none.
    """

    symbol: str
    times: Column
    prices: Column
    quantities: Column
    taker_sides: list[Side]
    ids: Column


@define
class BarBlock:
    """Hold consecutive closed bars of one symbol as equally long columns, on the instrument's grid.

    A bar covers `open_time <= t < open_time + interval_ns`; its event time is that end.
    """

    symbol: str
    timeframe: str
    interval_ns: int
    open_times: Column
    opens: Column
    highs: Column
    lows: Column
    closes: Column
    volumes: Column


@define
class EventBlock:
    """Hold consecutive events of any kind, in time order: raw frames and sessions come this way."""

    events: list[Event]


Block = TradeBlock | BarBlock | EventBlock


class Tape(Protocol):
    """Read one recording, front to back, in constant memory.

    *source* names it for messages. *symbols* lists what it may contain. *digest* is the BLAKE2b
    of the recording's content, in hex, independent of how it is read.
    """

    @property
    def source(self) -> str:
        """Return the name for messages."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the unified symbols it may contain."""
        ...

    @property
    def digest(self) -> str:
        """Return the content's BLAKE2b-128 in hex."""
        ...

    @property
    def size_bytes(self) -> int:
        """Return the recording's size, for progress."""
        ...

    @property
    def position_bytes(self) -> int:
        """Return how much of it has been read, for progress."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Yield the rows from the beginning; raise `DataError` with file and line on a bad one."""
        ...


Deliver = Callable[[Event], None]


class BookSource(Protocol):
    """Be asked for whole books by whoever keeps them."""

    def renew_book(self, symbol: str) -> None:
        """Fetch the book of the unified *symbol* anew, and deliver the snapshot with the events of its stream.

        The book was found impossible (crossed, without a side) although no change was missed. Who asks again and
        again waits ever longer: a venue whose book is like that is not to be flooded.
        """
        ...


class EventStream(Protocol):
    """Follow one live source, a market's or an account's, for as long as it is wanted.

    What the network does is told by events: `StreamConnected` when what follows is complete, `StreamLost` and
    `StreamGapDetected` when it is not. Event times are the agent's receive times.
    """

    @property
    def name(self) -> str:
        """Return the name under which its events speak of it; an account's is `user`."""
        ...

    async def run(self, deliver: Deliver) -> None:
        """Connect, deliver and reconnect until cancelled. Return or raise for no fault of a network or a venue."""
        ...
