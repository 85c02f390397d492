"""Rebuild one symbol's order book from a snapshot and numbered changes, and say when it can be trusted.

The rules are the venue's own (Binance, "How to manage a local order book correctly"): keep changes that come
before the snapshot, drop those it contains, then take each change that continues the numbering. After
any doubt the book is empty until the next snapshot. It asks nobody for one: the outcome tells the caller to.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from meva_core.events import BookChanged

# Twice the deepest snapshot that Binance serves (5,000 levels a side), so that its edge can move.
LEVELS_MAX: Final = 10_000
# At ten changes a second: a hundred seconds of waiting for a snapshot.
WAITING_MAX: Final = 1_000

Level = tuple[int, int]


class BookState(StrEnum):
    """Tell how far a book can be trusted."""

    WAITING = "waiting"  # For a snapshot; changes are kept for it.
    SYNCHRONISED = "synchronised"


class BookOutcome(StrEnum):
    """Tell what became of one change; after a *broken* one the caller must fetch a snapshot."""

    APPLIED = "applied"
    KEPT = "kept"  # Until the snapshot comes.
    IGNORED = "ignored"  # The book already contains it.
    SNAPSHOT_TOO_OLD = "snapshot_too_old"  # It ends before the first kept change begins.
    GAP = "gap"
    CROSSED = "crossed"
    ONE_SIDED = "one_sided"
    MALFORMED = "malformed"  # Numbering that runs backwards, a price or a size that cannot be.

    @property
    def broken(self) -> bool:
        """Return whether the book is unusable until the next snapshot."""
        return self not in _HARMLESS


_HARMLESS: Final = (BookOutcome.APPLIED, BookOutcome.KEPT, BookOutcome.IGNORED)


class BookSide:
    """Hold one side: lots by price, and its prices sorted with the best at the end.

    Most changes happen near the best price, so they move little of the list. *sign* is +1 for bids (the
    highest is best) and -1 for asks; keys are `sign * price`.
    """

    __slots__ = ("_keys", "_lots", "levels_max", "sign")

    def __init__(self, sign: int, levels_max: int) -> None:
        self.sign = sign
        self.levels_max = levels_max
        self._keys: list[int] = []
        self._lots: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def clear(self) -> None:
        """Forget every level."""
        self._keys.clear()
        self._lots.clear()

    def replace(self, levels: Iterable[Level]) -> None:
        """Hold exactly *levels*, or the best `levels_max` of them."""
        lots = {self.sign * price: size for price, size in levels if size}
        self._keys = sorted(lots)[-self.levels_max :]
        self._lots = {key: lots[key] for key in self._keys}

    def update(self, levels: Iterable[Level]) -> None:
        """Set each price to its lots; 0 removes it. Beyond `levels_max` the worst level is forgotten."""
        keys, known, sign = self._keys, self._lots, self.sign
        for price, size in levels:
            key = sign * price
            if size:
                if key not in known:
                    keys.insert(bisect_left(keys, key), key)
                known[key] = size
            elif known.pop(key, None) is not None:
                del keys[bisect_left(keys, key)]
        for key in keys[: max(0, len(keys) - self.levels_max)]:
            del known[key]
        del keys[: len(keys) - len(known)]

    @property
    def best(self) -> Level | None:
        """Return the best (price_ticks, lots), or `None` when the side is empty."""
        if not self._keys:
            return None
        key = self._keys[-1]
        return self.sign * key, self._lots[key]

    def lots_at(self, price: int) -> int:
        """Return the lots at *price*; 0 where no level is known."""
        return self._lots.get(self.sign * price, 0)

    def top(self, count: int) -> tuple[Level, ...]:
        """Return the best *count* levels, or fewer, best first."""
        keys = self._keys[-count:] if count > 0 else []
        return tuple((self.sign * key, self._lots[key]) for key in reversed(keys))


class OrderBook:
    """Follow one symbol's book; prices in ticks, sizes in lots.

    A book that shows no bid, no ask, or a bid at or above an ask is broken: something was lost (RELIABILITY
    C2). Levels outside the last snapshot are unknown until they change.
    """

    __slots__ = ("_waiting", "asks", "bids", "gaps", "last_update_id", "state", "symbol")

    def __init__(self, symbol: str, *, levels_max: int = LEVELS_MAX, waiting_max: int = WAITING_MAX) -> None:
        self.symbol = symbol
        self.bids = BookSide(1, levels_max)
        self.asks = BookSide(-1, levels_max)
        self.state = BookState.WAITING
        self.last_update_id = -1
        self.gaps = 0
        self._waiting: deque[BookChanged] = deque(maxlen=waiting_max)  # Losing the oldest shows as a gap.

    @property
    def synchronised(self) -> bool:
        """Return whether the book is whole: continuous, two-sided and not crossed."""
        return self.state is BookState.SYNCHRONISED

    @property
    def best_bid(self) -> Level | None:
        """Return the highest bid as (price_ticks, lots); `None` while not synchronised."""
        return self.bids.best

    @property
    def best_ask(self) -> Level | None:
        """Return the lowest ask as (price_ticks, lots); `None` while not synchronised."""
        return self.asks.best

    def depth(self, count: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return the best *count* bids and asks, best first; empty while not synchronised."""
        return self.bids.top(count), self.asks.top(count)

    def apply(self, change: BookChanged) -> BookOutcome:
        """Take one snapshot or change; the outcome says what became of the book."""
        if not _well_formed(change):
            return self._break(BookOutcome.MALFORMED)
        if change.snapshot:
            return self._apply_snapshot(change)
        if self.state is BookState.WAITING:
            self._waiting.append(change)
            return BookOutcome.KEPT
        return self._apply_change(change)

    def discard(self) -> None:
        """Forget the book and what was kept for it: the stream was lost, numbering may start anew."""
        self._break(BookOutcome.GAP)
        self.last_update_id = -1

    def _apply_snapshot(self, change: BookChanged) -> BookOutcome:
        if self.synchronised and change.last_update_id <= self.last_update_id:
            return BookOutcome.IGNORED
        if change.last_update_id < self.last_update_id:
            return BookOutcome.SNAPSHOT_TOO_OLD
        if self._waiting and self._waiting[0].first_update_id > change.last_update_id + 1:
            return BookOutcome.SNAPSHOT_TOO_OLD
        self.bids.replace(change.bids)
        self.asks.replace(change.asks)
        self.last_update_id = change.last_update_id
        self.state = BookState.SYNCHRONISED
        kept = tuple(self._waiting)
        self._waiting.clear()
        if kept:
            return self._apply_kept(kept)
        return self._judged()

    def _apply_kept(self, kept: tuple[BookChanged, ...]) -> BookOutcome:
        """Apply what was kept; from a break on, the rest is kept for the next snapshot."""
        for position, change in enumerate(kept):
            outcome = self._apply_change(change)
            if outcome.broken:
                self._waiting.extend(kept[position + 1 :])
                return outcome
        return self._judged()

    def _apply_change(self, change: BookChanged) -> BookOutcome:
        if change.last_update_id <= self.last_update_id:
            return BookOutcome.IGNORED
        if change.first_update_id > self.last_update_id + 1:
            self.gaps += 1
            outcome = self._break(BookOutcome.GAP)
            self._waiting.append(change)  # The next snapshot may end before it.
            return outcome
        self.bids.update(change.bids)
        self.asks.update(change.asks)
        self.last_update_id = change.last_update_id
        return self._judged()

    def _judged(self) -> BookOutcome:
        bid, ask = self.bids.best, self.asks.best
        if bid is None or ask is None:
            return self._break(BookOutcome.ONE_SIDED)
        if bid[0] >= ask[0]:
            return self._break(BookOutcome.CROSSED)
        return BookOutcome.APPLIED

    def _break(self, outcome: BookOutcome) -> BookOutcome:
        self.state = BookState.WAITING
        self.bids.clear()
        self.asks.clear()
        self._waiting.clear()
        return outcome

    def snapshot(self) -> list[Any]:
        """Return the whole memory as JSON-like values."""
        bids, asks = self.depth(self.bids.levels_max)
        kept = [
            [each.time_ns, each.first_update_id, each.last_update_id, _rows(each.bids), _rows(each.asks)]
            for each in self._waiting
        ]
        return [self.state.value, self.last_update_id, self.gaps, _rows(bids), _rows(asks), kept]

    def restore(self, memory: list[Any]) -> None:
        """Take over what `snapshot` returned."""
        state, self.last_update_id, self.gaps, bids, asks, kept = memory
        self.state = BookState(state)
        self.bids.replace(_levels(bids))
        self.asks.replace(_levels(asks))
        self._waiting.clear()
        for time_ns, first, last, kept_bids, kept_asks in kept:
            bid_levels, ask_levels = _levels(kept_bids), _levels(kept_asks)
            self._waiting.append(
                BookChanged(time_ns, self.symbol, False, first, last, bid_levels, ask_levels)
            )


def _well_formed(change: BookChanged) -> bool:
    if change.first_update_id > change.last_update_id or change.last_update_id < 0:
        return False
    return all(price > 0 and size >= 0 for levels in (change.bids, change.asks) for price, size in levels)


def _rows(levels: Iterable[Level]) -> list[list[int]]:
    return [[price, size] for price, size in levels]


def _levels(rows: Iterable[list[int]]) -> tuple[Level, ...]:
    return tuple((price, size) for price, size in rows)
