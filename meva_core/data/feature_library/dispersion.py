"""Measure how far prices scatter around their mean over the last samples; forecast nothing.

Both moments are integer sums, so `size * sum(x*x) - sum(x)**2` is exact and never negative: the cancellation
that ruins the same formula in floats cannot happen, at any price and any window. One square root comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import sqrt
from operator import mul
from typing import Any, ClassVar

from meva_core.data.feature_library.window import moved, restored, window_size, zeros
from meva_core.data.features import Feature
from meva_core.errors import ConfigError


class RollingMoments(Feature):
    """Keep the exact first two moments of the last *size* prices; the value is left to subclasses."""

    __slots__ = ("_ring", "size", "squares", "total", "warm_up")

    shown: ClassVar[tuple[str, ...]] = ("total", "squares", "mean", "std")

    def __init__(self, size: int) -> None:
        self.size = self.warm_up = window_size(type(self).__name__, size, least=2)
        self.total = self.squares = 0
        self._ring = zeros(size)

    def update(self, price: int, quantity: int) -> None:
        """Take one price."""
        ring = self._ring
        oldest = ring[0]
        self.total += price - oldest
        self.squares += price * price - oldest * oldest
        ring.append(price)

    def extend(self, prices: Sequence[int], quantities: Sequence[int]) -> None:
        """Take many prices."""
        ring = self._ring
        leaving = list(islice(ring, len(prices)))
        entering = prices[-len(ring) :]
        self.squares += sum(map(mul, entering, entering)) - sum(map(mul, leaving, leaving))
        self.total += moved(ring, prices)

    @property
    def mean(self) -> float:
        """Return the mean price in ticks."""
        return self.total / self.size

    @property
    def std(self) -> float:
        """Return the population standard deviation in ticks: `sqrt(size * squares - total**2) / size`."""
        return sqrt(self.size * self.squares - self.total * self.total) / self.size

    def snapshot(self) -> list[Any]:
        """Return [prices, oldest first]."""
        return [list(self._ring)]

    def restore(self, memory: list[Any]) -> None:
        """Take over the prices and sum both moments anew."""
        self._ring = restored(memory[0], self.size)
        self.total = sum(self._ring)
        self.squares = sum(price * price for price in self._ring)


class RollingStd(RollingMoments):
    """Measure the population standard deviation of the last *size* prices, in ticks."""

    __slots__ = ()

    shown: ClassVar[tuple[str, ...]] = ("value", *RollingMoments.shown)

    @property
    def value(self) -> float:
        """Return the standard deviation."""
        return self.std


class ZScore(RollingMoments):
    """Measure how many standard deviations the last price lies above the mean of the last *size*.

    `(size * last - total) / sqrt(size * squares - total**2)`, without a unit; 0 when no price differs.
    It includes the last price, so it never exceeds `sqrt(size - 1)` (Samuelson 1968).
    """

    __slots__ = ()

    shown: ClassVar[tuple[str, ...]] = ("value", *RollingMoments.shown)

    @property
    def value(self) -> float:
        """Return the score."""
        spread = self.size * self.squares - self.total * self.total
        return (self.size * self._ring[-1] - self.total) / sqrt(spread) if spread else 0.0


class Bollinger(RollingMoments):
    """Place the last price within bands *width* standard deviations around the mean of the last *size*.

    The value is %b: 0 at the lower band, 1 at the upper, 0.5 when no price differs. Bands are in ticks.
    Source: J. Bollinger, "Bollinger on Bollinger Bands" (2001); population deviation, as there.
    """

    __slots__ = ("width",)

    shown: ClassVar[tuple[str, ...]] = ("value", "lower", "upper", *RollingMoments.shown)

    def __init__(self, size: int, width: float = 2.0) -> None:
        super().__init__(size)
        if not 0 < width < float("inf"):
            raise ConfigError((f"Bollinger: width must be a positive number, not {width!r}",))
        self.width = width

    @property
    def lower(self) -> float:
        """Return the lower band."""
        return self.mean - self.width * self.std

    @property
    def upper(self) -> float:
        """Return the upper band."""
        return self.mean + self.width * self.std

    @property
    def value(self) -> float:
        """Return %b."""
        lower, upper = self.lower, self.upper
        return (self._ring[-1] - lower) / (upper - lower) if upper > lower else 0.5
