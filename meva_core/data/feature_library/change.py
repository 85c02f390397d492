"""Measure how prices moved over the last samples; judge no trend.

Changes are simple ones: a logarithm differs between platforms in its last bit, a division does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, ClassVar

from meva_core.data.feature_library.window import restored, window_size, zeros
from meva_core.data.features import Feature


class RateOfChange(Feature):
    """Measure the return over *size* samples as a fraction: `(last - first) / first`; 0 before warm-up."""

    __slots__ = ("_ring", "size", "warm_up")

    def __init__(self, size: int) -> None:
        self.size = window_size("RateOfChange", size)
        self.warm_up = size + 1
        self._ring = zeros(size + 1)

    def update(self, price: int, quantity: int) -> None:
        """Take one price."""
        self._ring.append(price)

    def extend(self, prices: Sequence[int], quantities: Sequence[int]) -> None:
        """Take many prices."""
        self._ring.extend(prices)

    @property
    def value(self) -> float:
        """Return the fraction: 0.01 is one per cent up."""
        first = self._ring[0]
        return (self._ring[-1] - first) / first if first else 0.0

    def snapshot(self) -> list[Any]:
        """Return [prices, oldest first]."""
        return [list(self._ring)]

    def restore(self, memory: list[Any]) -> None:
        """Take over the prices."""
        self._ring = restored(memory[0], self.size + 1)


class TrendScore(Feature):
    """Measure the move over *size* samples in units of the volatility on the way, without a unit.

    `total / sqrt(squares)`: the sum of the last *size* price changes over the root of the sum of their
    squares (realised volatility: Andersen & Bollerslev, "Answering the Skeptics", 1998). A driftless walk
    scores 0, give or take 1; a straight line scores the bound, `sqrt(size)`. *total*, in ticks, has the exact
    sign.
    """

    __slots__ = ("_last", "_ring", "size", "squares", "total", "warm_up")

    shown: ClassVar[tuple[str, ...]] = ("value", "total", "squares")

    def __init__(self, size: int) -> None:
        self.size = window_size("TrendScore", size)
        self.warm_up = size + 1
        self.total = self.squares = self._last = 0
        self._ring = zeros(size)

    def update(self, price: int, quantity: int) -> None:
        """Take one price; the first has no change and counts as none."""
        last = self._last or price
        self._last = price
        change = price - last
        ring = self._ring
        oldest = ring[0]
        self.total += change - oldest
        self.squares += change * change - oldest * oldest
        ring.append(change)

    @property
    def value(self) -> float:
        """Return the score; 0 when nothing moved."""
        return self.total / sqrt(self.squares) if self.squares else 0.0

    def snapshot(self) -> list[Any]:
        """Return [changes, oldest first, last price]."""
        return [list(self._ring), self._last]

    def restore(self, memory: list[Any]) -> None:
        """Take over changes and last price, and sum anew."""
        self._ring = restored(memory[0], self.size)
        self._last = memory[1]
        self.total = sum(self._ring)
        self.squares = sum(change * change for change in self._ring)


class Rsi(Feature):
    """Measure the share of rises in all movement, from 0 to 100.

    `100 * gain / (gain + loss)`, or 50 when nothing moved. Averages are Wilder's: the mean of the first
    *size* changes, then `(average * (size - 1) + new) / size`.
    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978), section VI.
    """

    __slots__ = ("_gain", "_last", "_loss", "_seen", "size", "warm_up")

    def __init__(self, size: int) -> None:
        self.size = window_size("Rsi", size)
        self.warm_up = size + 1
        self._last = self._seen = 0
        self._gain = self._loss = 0.0  # While warming up: sums. Their ratio is the same as that of the means.

    def update(self, price: int, quantity: int) -> None:
        """Take one price; the first has no change."""
        last, self._last = self._last, price
        if not last:
            return
        change = price - last
        gain, loss = (change, 0) if change > 0 else (0, -change)
        size = self.size
        if self._seen >= size:
            self._gain = (self._gain * (size - 1) + gain) / size
            self._loss = (self._loss * (size - 1) + loss) / size
            return
        self._seen += 1
        self._gain += gain
        self._loss += loss
        if self._seen == size:
            self._gain /= size
            self._loss /= size

    @property
    def value(self) -> float:
        """Return the index."""
        movement = self._gain + self._loss
        return 100 * self._gain / movement if movement else 50.0

    def snapshot(self) -> list[Any]:
        """Return [last price, changes seen, gain, loss]."""
        return [self._last, self._seen, self._gain, self._loss]

    def restore(self, memory: list[Any]) -> None:
        """Take over last price, changes seen, gain and loss."""
        self._last, self._seen, self._gain, self._loss = memory
