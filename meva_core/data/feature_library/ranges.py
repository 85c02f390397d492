"""Measure the range that prices covered over the last samples; call no breakout.

Both features take candles with their highs and lows; fed by trades, each trade is a candle of one price.
"""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

from meva_core.data.feature_library.window import window_size
from meva_core.data.features import Feature
from meva_core.model.market import Candle


class Atr(Feature):
    """Average the true range over *size* candles, in ticks.

    The true range is `max(high, previous close) - min(low, previous close)`; the first *size* of them are
    averaged, then `(average * (size - 1) + new) / size`. The first candle has no previous close and only
    gives one (as in TA-Lib).
    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978), section III.
    """

    __slots__ = ("_close", "_level", "_seen", "size", "warm_up")

    def __init__(self, size: int) -> None:
        self.size = window_size("Atr", size)
        self.warm_up = size + 1
        self._close = self._seen = 0
        self._level = 0.0  # While warming up: the sum.

    def update(self, price: int, quantity: int) -> None:
        """Take one price as a candle of one trade."""
        self._take(price, price, price)

    def update_candle(self, candle: Candle) -> None:
        """Take one closed candle."""
        self._take(candle.high, candle.low, candle.close)

    def _take(self, high: int, low: int, close: int) -> None:
        previous, self._close = self._close, close
        if not previous:
            return
        true_range = max(high, previous) - min(low, previous)
        if self._seen >= self.size:
            self._level = (self._level * (self.size - 1) + true_range) / self.size
            return
        self._seen += 1
        self._level += true_range
        if self._seen == self.size:
            self._level /= self.size

    @property
    def value(self) -> float:
        """Return the average true range; zero before warm-up."""
        return self._level if self._seen == self.size else 0.0

    def snapshot(self) -> list[Any]:
        """Return [last close, ranges seen, level]."""
        return [self._close, self._seen, self._level]

    def restore(self, memory: list[Any]) -> None:
        """Take over last close, ranges seen and level."""
        self._close, self._seen, self._level = memory


class Donchian(Feature):
    """Give the highest and lowest price of the last *size* samples, in ticks; the value is their middle.

    The last sample is inside the channel: a breakout is a price that equals *high* or *low*.
    Each bound is a deque of candidates that only better or newer ones can displace: O(1) amortised.
    Source: R. Donchian's n-period channel rule (1960), as in Curtis Faith, "Way of the Turtle" (2007).
    """

    __slots__ = ("_highs", "_lows", "_seen", "size", "warm_up")

    shown: ClassVar[tuple[str, ...]] = ("value", "high", "low")

    def __init__(self, size: int) -> None:
        self.size = self.warm_up = window_size("Donchian", size)
        self._seen = 0
        self._highs: deque[tuple[int, int]] = deque()  # (sample number, price): numbers rise, prices fall.
        self._lows: deque[tuple[int, int]] = deque()  # Numbers rise, prices rise.

    def update(self, price: int, quantity: int) -> None:
        """Take one price."""
        self._take(price, price)

    def update_candle(self, candle: Candle) -> None:
        """Take one closed candle."""
        self._take(candle.high, candle.low)

    def _take(self, high: int, low: int) -> None:
        self._seen = number = self._seen + 1
        highs, lows = self._highs, self._lows
        while highs and highs[-1][1] <= high:
            highs.pop()
        while lows and lows[-1][1] >= low:
            lows.pop()
        highs.append((number, high))
        lows.append((number, low))
        expired = number - self.size
        if highs[0][0] <= expired:
            highs.popleft()
        if lows[0][0] <= expired:
            lows.popleft()

    @property
    def high(self) -> int:
        """Return the highest price in the window; 0 before the first sample."""
        return self._highs[0][1] if self._highs else 0

    @property
    def low(self) -> int:
        """Return the lowest price in the window; 0 before the first sample."""
        return self._lows[0][1] if self._lows else 0

    @property
    def value(self) -> float:
        """Return the middle of the channel."""
        return (self.high + self.low) / 2

    def snapshot(self) -> list[Any]:
        """Return [samples seen, highs, lows], candidates as [number, price]."""
        return [self._seen, [list(item) for item in self._highs], [list(item) for item in self._lows]]

    def restore(self, memory: list[Any]) -> None:
        """Take over samples seen and candidates."""
        self._seen, highs, lows = memory
        self._highs = deque((number, price) for number, price in highs)
        self._lows = deque((number, price) for number, price in lows)
