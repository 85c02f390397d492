"""Average prices over the last samples; say nothing about how they vary.

Windows are summed as integers, so that a value depends on its window alone and never on how it was reached.
Before warm-up the missing samples count as zero, so no value means anything yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import Any, ClassVar

from meva_core.data.feature_library.window import moved, restored, window_size, zeros
from meva_core.data.features import Feature


class RollingSum(Feature):
    """Sum the last *size* prices, in ticks. *total* is the exact integer."""

    __slots__ = ("_ring", "size", "total", "warm_up")

    shown: ClassVar[tuple[str, ...]] = ("value", "total")

    def __init__(self, size: int) -> None:
        self.size = self.warm_up = window_size(type(self).__name__, size)
        self.total = 0
        self._ring = zeros(size)

    def update(self, price: int, quantity: int) -> None:
        """Take one price."""
        ring = self._ring
        self.total += price - ring[0]
        ring.append(price)

    def extend(self, prices: Sequence[int], quantities: Sequence[int]) -> None:
        """Take many prices."""
        self.total += moved(self._ring, prices)

    @property
    def value(self) -> float:
        """Return the sum as a float; compare *total* where exactness counts."""
        return float(self.total)

    def snapshot(self) -> list[Any]:
        """Return [prices, oldest first]."""
        return [list(self._ring)]

    def restore(self, memory: list[Any]) -> None:
        """Take over the prices and sum them anew."""
        self._ring = restored(memory[0], self.size)
        self.total = sum(self._ring)


class Sma(RollingSum):
    """Average the last *size* prices with equal weight, in ticks: `total / size`.

    Two averages compare exactly, without division: `fast.total * slow.size > slow.total * fast.size`.

    >>> average = Sma(2)
    >>> for price in (100, 101, 104):
    ...     average.update(price, 1)
    >>> average.value
    102.5
    """

    __slots__ = ()

    @property
    def value(self) -> float:
        """Return the mean, correctly rounded by one division."""
        return self.total / self.size


class Ema(Feature):
    """Average all prices with weights that fall by `1 - 2 / (size + 1)` per sample, in ticks.

    `level += (price - level) * 2 / (size + 1)`, started with the simple mean of the first *size* prices,
    as TA-Lib's EMA does by default.
    """

    __slots__ = ("_level", "_seen", "_weight", "size", "warm_up")

    def __init__(self, size: int) -> None:
        self.size = self.warm_up = window_size("Ema", size)
        self._weight = 2 / (size + 1)
        self._seen = 0
        self._level = 0.0  # While warming up: the sum, exact below 2**53.

    def update(self, price: int, quantity: int) -> None:
        """Take one price."""
        if self._seen >= self.size:
            self._level += (price - self._level) * self._weight
            return
        self._seen += 1
        self._level += price
        if self._seen == self.size:
            self._level /= self.size

    @property
    def value(self) -> float:
        """Return the average; zero before warm-up."""
        return self._level if self._seen == self.size else 0.0

    def snapshot(self) -> list[Any]:
        """Return [samples seen, level]."""
        return [self._seen, self._level]

    def restore(self, memory: list[Any]) -> None:
        """Take over samples seen and level."""
        self._seen, self._level = memory


class Vwap(Feature):
    """Average the last *size* prices weighted by quantity, in ticks: `sum(price * lots) / sum(lots)`.

    A candle counts by its close and volume. With no volume in the window the last price stands.
    """

    __slots__ = ("_last", "_lots", "_notionals", "notional", "size", "volume", "warm_up")

    shown: ClassVar[tuple[str, ...]] = ("value", "notional", "volume")

    def __init__(self, size: int) -> None:
        self.size = self.warm_up = window_size("Vwap", size)
        self.notional = self.volume = self._last = 0
        self._notionals = zeros(size)
        self._lots = zeros(size)

    def update(self, price: int, quantity: int) -> None:
        """Take one price with its quantity."""
        notional = price * quantity
        notionals, lots = self._notionals, self._lots
        self.notional += notional - notionals[0]
        self.volume += quantity - lots[0]
        notionals.append(notional)
        lots.append(quantity)
        self._last = price

    def extend(self, prices: Sequence[int], quantities: Sequence[int]) -> None:
        """Take many prices with their quantities."""
        if prices:
            self.notional += moved(self._notionals, list(map(mul, prices, quantities)))
            self.volume += moved(self._lots, quantities)
            self._last = prices[-1]

    @property
    def value(self) -> float:
        """Return the weighted mean, by one division."""
        return self.notional / self.volume if self.volume else float(self._last)

    def snapshot(self) -> list[Any]:
        """Return [notionals, quantities, last price]."""
        return [list(self._notionals), list(self._lots), self._last]

    def restore(self, memory: list[Any]) -> None:
        """Take over both rings and sum them anew."""
        notionals, lots, self._last = memory
        self._notionals = restored(notionals, self.size)
        self._lots = restored(lots, self.size)
        self.notional, self.volume = sum(self._notionals), sum(self._lots)
