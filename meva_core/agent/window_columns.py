"""Pass over the quiet rows of several markets at once, in the order of their times; decide nothing.

Each market says which of its rows is the next that must be handled whatever its price (`MarketColumns`). Up to
the first of these, prices are held against the bands; where one leaves its band all markets stand at their rows
of that moment, and the account is valued.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np

from meva_core.agent.market_columns import MarketColumns, columns_for, int64
from meva_core.agent.market_path import MarketPath
from meva_core.agent.runtime_state import Runtime
from meva_core.data.replay_loader import Window, event_times
from meva_core.execution.venue_market import VenueMarket

# So far it is looked ahead for a price that leaves its band; the row after it is simply handled.
_AHEAD: Final = 2_048
# So many times in a row next to nothing is passed over before the rest is handled row by row.
_VAIN_MAX: Final = 64
_PASSED_MIN: Final = 3


class Part:
    """Hold what one market brings to a window: its columns, and the *places* of its rows in the common order.

    *done* counts its rows that were handled or passed over.
    """

    __slots__ = ("columns", "done", "path", "places", "start", "venue")

    def __init__(self, path: MarketPath, venue: VenueMarket, columns: MarketColumns, start: int) -> None:
        self.path = path
        self.venue = venue
        self.columns = columns
        self.start = start
        self.places: list[int] = []
        self.done = 0

    @property
    def row(self) -> int:
        """Return the next row of the block."""
        return self.start + self.done


class WindowColumns:
    """Walk rows *start* to *stop* of the common order of *window*.

    *owners* names the part of each of these rows, *times* says when it comes. *usable* is as for one market.
    """

    def __init__(
        self,
        window: Window,
        start: int,
        stop: int,
        *,
        markets: dict[str, tuple[MarketPath, VenueMarket]],
        unfit: set[str],
    ) -> None:
        times = np.concatenate([int64(event_times(block), first, last) for block, first, last in window.runs])
        numbers = np.repeat(np.arange(len(window.runs)), [last - first for _, first, last in window.runs])
        order = np.argsort(times, kind="stable")  # Ties go to the earlier tape, and in it to the earlier row.
        before, chosen = numbers[order[:start]], order[start:stop]
        self.times: list[int] = times[chosen].tolist()
        owners = numbers[chosen]
        self.owners: list[int] = owners.tolist()
        self._by_owner: dict[int, Part] = {}
        for number, (block, first, _) in enumerate(window.runs):
            places = np.flatnonzero(owners == number).tolist()
            if not places:
                continue
            path, venue = markets[block.symbol]
            begin = first + int((before == number).sum())
            columns = columns_for(path, block, begin, begin + len(places), unfit=unfit)
            part = Part(path, venue, columns, begin)
            part.places = places
            self._by_owner[number] = part
        self.parts = tuple(self._by_owner.values())
        self._runtime: Runtime = self.parts[0].path.runtime
        self._vain = 0

    @property
    def usable(self) -> bool:
        """Return whether it is worth asking on."""
        return self._vain <= _VAIN_MAX and all(part.columns.usable for part in self.parts)

    @property
    def spoke(self) -> bool:
        """Return whether something followed from the last row that was passed over."""
        return self._runtime.outbox.filled

    def skip(self, at: int) -> int:
        """Pass over quiet rows from *at* on; return the first that must be handled."""
        until = min(len(self.times), at + _AHEAD)
        for part in self.parts:
            if part.done < len(part.places):
                row = part.row
                quiet = row if part.venue.waiting else part.columns.quiet_until(row)
                ahead = part.done + quiet - row
                if ahead < len(part.places):
                    until = min(until, part.places[ahead])
        if until > at and self.times[at] >= self._runtime.now_ns:
            until = self._pass(at, until)
        self._vain = 0 if until - at >= _PASSED_MIN else self._vain + 1
        return until

    def step(self, at: int) -> Part:
        """Return the part whose row stands *at* this place, brought up to it; it counts as handled."""
        part = self._by_owner[self.owners[at]]
        part.columns.step(part.row)
        part.done += 1
        return part

    def settle(self) -> None:
        """Bring features and candles of every market up to its next row."""
        for part in self.parts:
            part.columns.settle(part.row)

    def _pass(self, at: int, until: int) -> int:
        leaving = None
        for part in self.parts:
            last = bisect_left(part.places, until, part.done)
            outside = part.columns.first_outside(part.row, part.start + last)
            if outside < part.start + last:
                until, leaving = part.places[outside - part.start], part
        for part in self.parts:
            self._stand(part, bisect_left(part.places, until, part.done))
        if leaving is not None and leaving.columns.is_trusted(leaving.row):
            self._stand(leaving, leaving.done + 1)
            until += 1
        else:
            leaving = None
        if until > at:
            self._runtime.sequence += until - at
            self._runtime.now_ns = self.times[until - 1]
            if leaving is not None:
                leaving.path.account.mark()
        return until

    def _stand(self, part: Part, done: int) -> None:
        """Let the market of *part*, and its venue, stand after *done* of its rows."""
        if done > part.done:
            part.done = done
            part.columns.stand_after(part.row - 1)
            part.venue.last_ticks = part.path.market.last_ticks
