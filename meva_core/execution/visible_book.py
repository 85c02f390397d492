"""Keep the order book that a simulated venue shows, less what we have taken from it; decide no fill.

Recorded liquidity does not notice us. So what we took from a level stays taken until that level empties or a
snapshot replaces the book: the same lots are never sold to us twice.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from meva_core.data.order_book import WAITING_MAX
from meva_core.events import BookChanged, QuoteReceived

Leg = tuple[int, int]  # Price in ticks, quantity in lots.


class BookSide:
    """Hold one side's levels by price; *sign* is +1 where a lower price is better (asks), -1 for bids."""

    __slots__ = ("_best", "_sign", "levels", "taken")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._best: int | None = None
        self.levels: dict[int, int] = {}
        self.taken: dict[int, int] = {}

    @property
    def best(self) -> int:
        """Return the best price in ticks, 0 for an empty side."""
        if self._best is None:
            self._best = (min if self._sign > 0 else max)(self.levels, default=0)
        return self._best

    def set_level(self, price_ticks: int, lots: int) -> None:
        """Set the visible quantity of one level; 0 lots remove it, and what we took from it."""
        if lots:
            self.levels[price_ticks] = lots
            if self._best is not None and (not self._best or (self._best - price_ticks) * self._sign > 0):
                self._best = price_ticks
        else:
            self.levels.pop(price_ticks, None)
            self.taken.pop(price_ticks, None)
            if price_ticks == self._best:
                self._best = None

    def offers(self, limit_ticks: int) -> list[Leg]:
        """Return what is left for us at *limit_ticks* or better, best price first."""
        sign = self._sign
        prices = sorted(
            (price for price in self.levels if (limit_ticks - price) * sign >= 0), reverse=sign < 0
        )
        left = ((price, self.levels[price] - self.taken.get(price, 0)) for price in prices)
        return [(price, lots) for price, lots in left if lots > 0]

    def take(self, legs: list[Leg]) -> None:
        """Remember what we took."""
        for price_ticks, lots in legs:
            self.taken[price_ticks] = self.taken.get(price_ticks, 0) + lots

    def replace(self, levels: tuple[Leg, ...]) -> None:
        """Forget everything and show *levels*."""
        self.levels = {price: lots for price, lots in levels if lots}
        self.taken = {}
        self._best = None

    def requote(self, price_ticks: int, lots: int) -> None:
        """Show one level alone; at an unchanged price what we took stays taken."""
        taken = self.taken.get(price_ticks, 0)
        self.replace(((price_ticks, lots),))
        if taken and lots:
            self.taken[price_ticks] = taken


class VisibleBook:
    """Follow a market's book from snapshots, changes and quotes.

    It is *known* after a snapshot or, while no depth has been seen, after a quote, which is then the whole
    book. A gap in the update ids makes it unknown until the next snapshot.
    """

    __slots__ = ("_last_update_id", "_waiting", "asks", "bids", "has_depth", "known")

    def __init__(self) -> None:
        self.bids = BookSide(-1)
        self.asks = BookSide(+1)
        self.known = False
        self.has_depth = False
        self._last_update_id = -1
        self._waiting: deque[BookChanged] = deque(maxlen=WAITING_MAX)  # Losing the oldest shows as a gap.

    @property
    def last_update_id(self) -> int:
        """Return the id of the newest change in the book, -1 before the first."""
        return self._last_update_id

    def against(self, *, is_buy: bool) -> BookSide:
        """Return the side that an order takes from."""
        return self.asks if is_buy else self.bids

    def visible_lots(self, price_ticks: int, *, is_buy: bool) -> int:
        """Return how many lots of others an order would join at *price_ticks*, on its own side."""
        return (self.bids if is_buy else self.asks).levels.get(price_ticks, 0)

    def apply(self, change: BookChanged) -> None:
        """Take a snapshot or a change; skip a change that is older than the book.

        Changes that come while the book is unknown wait for the next snapshot, which may be older than they.
        """
        if not self.has_depth:
            self.has_depth, self.known = True, False  # Changes do not continue a book made of quotes.
        if change.snapshot:
            self._replace(change.bids, change.asks)
            self._last_update_id = change.last_update_id
            waiting = tuple(self._waiting)
            self._waiting.clear()
            for each in waiting:
                self._change(each)
        else:
            self._change(change)

    def _change(self, change: BookChanged) -> None:
        if self.known and 0 <= change.last_update_id <= self._last_update_id:
            return
        self.known = self.known and change.first_update_id <= self._last_update_id + 1  # Else there is a gap.
        if not self.known:
            self._waiting.append(change)
            return
        for price_ticks, lots in change.bids:
            self.bids.set_level(price_ticks, lots)
        for price_ticks, lots in change.asks:
            self.asks.set_level(price_ticks, lots)
        self._last_update_id = change.last_update_id

    def apply_quote(self, quote: QuoteReceived) -> None:
        """Take the best bid and ask as the whole book, unless depth is known to come."""
        if not self.has_depth:
            self.bids.requote(quote.bid_ticks, quote.bid_lots)
            self.asks.requote(quote.ask_ticks, quote.ask_lots)
            self.known = True

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        return {
            "known": self.known,
            "has_depth": self.has_depth,
            "last_update_id": self._last_update_id,
            "waiting": list(self._waiting),
            "sides": [
                [sorted(map(list, side.levels.items())), sorted(map(list, side.taken.items()))]
                for side in (self.bids, self.asks)
            ],
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self.known = memory["known"]
        self.has_depth = memory["has_depth"]
        self._last_update_id = memory["last_update_id"]
        self._waiting = deque(memory["waiting"], maxlen=WAITING_MAX)
        for side, (levels, taken) in zip((self.bids, self.asks), memory["sides"], strict=True):
            side.replace(tuple((price, lots) for price, lots in levels))
            side.taken = {price: lots for price, lots in taken}  # noqa: C416 - rows are lists after JSON.

    def _replace(self, bids: tuple[Leg, ...], asks: tuple[Leg, ...]) -> None:
        self.bids.replace(bids)
        self.asks.replace(asks)
        self.known = True
