"""Keep one book as Kraken's clients must: cut to its depth after each message, and proven by a checksum.

Prices and sizes are integers in units of the last decimal that the venue writes, so that the digits which enter
the checksum ("Book checksum", WebSocket v2) are the digits of these integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zlib import crc32

from meva_core.data.order_book import BookSide, Level

_CHECKED: Final = 10  # The checksum covers the ten best levels of each side.


class KrakenBook:
    """Hold the best *depth* levels of both sides."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self.bids = BookSide(1, depth)
        self.asks = BookSide(-1, depth)

    def replace(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Take a snapshot."""
        self.bids.replace(bids)
        self.asks.replace(asks)

    def update(
        self, bids: Sequence[Level], asks: Sequence[Level]
    ) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Take a change; return what it is for a book of any depth: levels that fell off the end are removed too."""
        return self._updated(self.bids, bids), self._updated(self.asks, asks)

    def levels(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """Return bids and asks, the best first."""
        return self.bids.top(self._depth), self.asks.top(self._depth)

    def checksum(self) -> int:
        """Return the CRC32 of the ten best asks and then the ten best bids."""
        levels = (*self.asks.top(_CHECKED), *self.bids.top(_CHECKED))
        return crc32("".join([f"{price}{size}" for price, size in levels]).encode())

    def _updated(self, side: BookSide, levels: Sequence[Level]) -> tuple[Level, ...]:
        named = {price for price, _ in levels}
        before = [price for price, _ in side.top(self._depth) if price not in named]
        side.update(levels)
        changes = [(price, side.lots_at(price)) for price in dict.fromkeys(price for price, _ in levels)]
        changes += [(price, 0) for price in before if not side.lots_at(price)]
        return tuple(changes)
