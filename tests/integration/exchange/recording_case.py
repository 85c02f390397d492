"""What recordings of every venue are made and judged with: clocks of some time of day, files, and their events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from meva_adapters.clock.system import SystemClock
from meva_core.events import BookChanged, Event, StreamConnected, StreamLost, TradeReceived
from meva_core.model.instrument import Instrument
from tests.contract.tape_files import events_of, tape_of

DAY_NS = 86_400_000_000_000
NOON_NS = DAY_NS // 2


class ShiftedClock(SystemClock):
    """Tell a time that is some nanoseconds off."""

    __slots__ = ("_shift_ns",)

    def __init__(self, shift_ns: int) -> None:
        self._shift_ns = shift_ns

    def now_ns(self) -> int:
        """Return the shifted time."""
        return time.time_ns() + self._shift_ns


def clock_at(time_of_day_ns: int) -> ShiftedClock:
    """Return a clock that shows this time of a day that is not over yet."""
    return ShiftedClock(DAY_NS + time_of_day_ns - time.time_ns() % DAY_NS)


def recordings(folder: Path) -> list[Path]:
    """Return the files, by symbol and day."""
    return sorted(folder.glob("*.gz"))


def snapshots_of(events: list[Event], symbol: str) -> int:
    """Return how many snapshots of *symbol* came."""
    return sum(isinstance(e, BookChanged) and e.snapshot and e.symbol == symbol for e in events)


def told_of(events: list[Event], symbol: str) -> list[Event]:
    """Return what concerns *symbol*: its market, and its connection."""
    return [event for event in events if getattr(event, "symbol", symbol) == symbol]


def cut_off(path: Path, count: int) -> None:
    """Take the last *count* bytes away."""
    path.write_bytes(path.read_bytes()[:-count])


def replayed_as_heard(folder: Path, heard: list[Event], markets: Sequence[Instrument]) -> list[list[Event]]:
    """Expect each market's one file to give exactly what was *heard* of it, and all kinds; return what they give."""
    tapes = [tape_of(path, *markets) for path in recordings(folder)]
    assert len(markets) == len(tapes)
    replayed = [list(events_of(tape)) for tape in tapes]
    for market, tape, events in zip(markets, tapes, replayed, strict=True):
        assert told_of(heard, market.symbol) == events
        assert (None, False) == (tape.fault, tape.cut)
        for kind in (StreamConnected, StreamLost, BookChanged, TradeReceived):
            assert any(isinstance(event, kind) for event in events)
    return replayed
