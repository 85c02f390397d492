"""Say what features will show over the coming samples, as columns; the features themselves do not move.

Features of the library whose formula allows it are calculated by columns. The others, and every feature of a
stranger, are copied and updated sample by sample: that is as exact as it is slow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from itertools import islice
from typing import Any, Final

import numpy as np
from attrs import frozen

from meva_core.data.exact_columns import (
    FloatColumn,
    IntColumn,
    Ints,
    quotient_or,
    root,
    running,
)
from meva_core.data.feature_library import (
    Atr,
    Bollinger,
    Donchian,
    Ema,
    RateOfChange,
    RollingMoments,
    RollingStd,
    RollingSum,
    Rsi,
    Sma,
    TrendScore,
    Vwap,
    ZScore,
)
from meva_core.data.features import Feature, extension
from meva_core.model.market import Candle


@frozen
class Samples:
    """Hold coming samples as columns; *candles* gives them where each is a closed candle."""

    prices: Ints
    quantities: Ints
    candles: Callable[[], Sequence[Candle]] | None = None


# Samples that were taken, as lists, for features to take them as well: prices, quantities, and candles where each
# is a closed one.
Taken = tuple[Sequence[int], Sequence[int], Sequence[Candle] | None]
# Lets a feature show what it shows after that row of the columns.
Peek = Callable[[Any, int], None]
# Lets a feature take what was taken, the last of which is that row of the columns.
Bring = Callable[[Any, int, Sequence[int], Sequence[int], Sequence[Candle] | None], None]


class _Shown:
    """Show a feature of the library over the coming samples.

    What the feature remembers is taken over now, because it moves on; the rest is calculated when it is read.
    *peek*, where there is one, lets a feature show what it shows after a row before it is brought there.
    """

    peek: Peek | None = None

    def __init__(self, feature: Any, samples: Samples) -> None:
        self.size: int = feature.size
        self.warm_up: int = feature.warm_up
        self._prices = samples.prices

    def bring(
        self,
        feature: Any,
        row: int,
        prices: Sequence[int],
        quantities: Sequence[int],
        candles: Sequence[Candle] | None,
    ) -> None:
        """Let *feature* take samples, the last of which is *row* of the columns."""
        feature.extend(prices, quantities)


class _Sum(_Shown):
    def __init__(self, feature: RollingSum, samples: Samples) -> None:
        super().__init__(feature, samples)
        self.total = running(feature.total, _minus(samples.prices, _leaving(feature._ring, samples.prices)))
        self._totals = self.total.values

    def peek(self, feature: RollingSum, row: int) -> None:
        feature.total = self._totals.item(row)

    def bring(
        self,
        feature: RollingSum,
        row: int,
        prices: Sequence[int],
        quantities: Sequence[int],
        candles: Sequence[Candle] | None,
    ) -> None:
        feature._ring.extend(prices)
        feature.total = self._totals.item(row)

    @property
    def value(self) -> FloatColumn:
        return self.total / 1


class _Mean(_Sum):
    @property
    def value(self) -> FloatColumn:
        return self.total / self.size


class _Vwap(_Shown):
    def __init__(self, feature: Vwap, samples: Samples) -> None:
        super().__init__(feature, samples)
        lots = samples.quantities
        notionals = _product(samples.prices, lots)
        self.notional = running(feature.notional, _minus(notionals, _leaving(feature._notionals, notionals)))
        self.volume = running(feature.volume, _minus(lots, _leaving(feature._lots, lots)))

    @property
    def value(self) -> FloatColumn:
        return quotient_or(self.notional, self.volume, self._prices.astype(np.float64))


class _Change(_Shown):
    def __init__(self, feature: RateOfChange, samples: Samples) -> None:
        super().__init__(feature, samples)
        ring = feature._ring
        later = deque(islice(ring, 1, None), maxlen=len(ring) - 1)
        self._first = _leaving(
            later, samples.prices
        )  # The first of a window is the one that leaves after it.

    @property
    def value(self) -> FloatColumn:
        return quotient_or(IntColumn(self._prices) - IntColumn(self._first), IntColumn(self._first), 0.0)


class _Trend(_Shown):
    def __init__(self, feature: TrendScore, samples: Samples) -> None:
        super().__init__(feature, samples)
        prices = samples.prices
        changes = np.diff(prices, prepend=feature._last or int(prices[0]))
        leaving = _leaving(feature._ring, changes)
        self.total = running(feature.total, _minus(changes, leaving))
        self.squares = running(
            feature.squares, _minus(_product(changes, changes), _product(leaving, leaving))
        )

    @property
    def value(self) -> FloatColumn:
        return quotient_or(self.total, root(self.squares), 0.0)


class _Moments(_Shown):
    """Take prices as distances from the first one: the spread is the same integer, and fits where squares would not."""

    def __init__(self, feature: RollingMoments, samples: Samples) -> None:
        super().__init__(feature, samples)
        self._leaving = _leaving(feature._ring, samples.prices)
        self._start, self._start_squares = feature.total, feature.squares

    @cached_property
    def total(self) -> IntColumn:
        return running(self._start, _minus(self._prices, self._leaving))

    @cached_property
    def squares(self) -> IntColumn:
        entering, leaving = self._prices, self._leaving
        return running(self._start_squares, _minus(_product(entering, entering), _product(leaving, leaving)))

    @cached_property
    def _distance(self) -> IntColumn:
        start = self._start - self.size * int(self._prices[0])
        return running(start, _minus(self._prices, self._leaving))

    @cached_property
    def _spread(self) -> IntColumn:
        base = int(self._prices[0])
        start = self._start_squares - 2 * base * self._start + self.size * base * base
        entering, leaving = self._prices - base, self._leaving - base
        squares = running(start, _minus(_product(entering, entering), _product(leaving, leaving)))
        spread = squares * self.size - self._distance * self._distance
        assert isinstance(spread, IntColumn), "a difference of integers"
        return spread

    @property
    def mean(self) -> FloatColumn:
        return self.total / self.size

    @property
    def std(self) -> FloatColumn:
        return root(self._spread) / self.size


class _Deviation(_Moments):
    @property
    def value(self) -> FloatColumn:
        return self.std


class _Score(_Moments):
    @property
    def value(self) -> FloatColumn:
        above = IntColumn(self._prices - int(self._prices[0])) * self.size - self._distance
        return quotient_or(above, root(self._spread), 0.0)


class _Bands(_Moments):
    def __init__(self, feature: Bollinger, samples: Samples) -> None:
        super().__init__(feature, samples)
        self.width = feature.width

    @property
    def lower(self) -> FloatColumn:
        return self.mean - self.width * self.std

    @property
    def upper(self) -> FloatColumn:
        return self.mean + self.width * self.std

    @property
    def value(self) -> FloatColumn:
        lower, upper = self.lower, self.upper
        return quotient_or(IntColumn(self._prices) - lower, upper - lower, 0.5)


class _Looped:
    """Show what a feature showed after each sample."""

    peek = None

    def __init__(self, columns: Mapping[str, IntColumn | FloatColumn]) -> None:
        self.__dict__.update(columns)

    def bring(
        self,
        feature: Feature,
        row: int,
        prices: Sequence[int],
        quantities: Sequence[int],
        candles: Sequence[Candle] | None,
    ) -> None:
        """Let *feature* take samples."""
        if candles is None:
            extension(feature)(prices, quantities)
            return
        for candle in candles:
            feature.update_candle(candle)


# Exact types: what a subclass has changed is unknown here.
_BY_COLUMNS: Final[Mapping[type, Callable[[Any, Samples], Any]]] = {
    RollingSum: _Sum,
    Sma: _Mean,
    Vwap: _Vwap,
    RateOfChange: _Change,
    TrendScore: _Trend,
    RollingStd: _Deviation,
    ZScore: _Score,
    Bollinger: _Bands,
}
_ALONE: Final = (*_BY_COLUMNS, Ema, Rsi, Atr, Donchian)


def is_of_library(feature: Feature) -> bool:
    """Return whether *feature* is known here, and calculates with integers and floats alone."""
    return type(feature) in _ALONE


def shown(features: Mapping[str, Feature], samples: Samples) -> dict[str, Any]:
    """Return what each of *features* shows after each sample; they must be warm, and are left as they are.

    Raise, whatever a stranger's feature raises included, where that cannot be told exactly.
    """
    if all(map(is_of_library, features.values())):
        columns: dict[str, Any] = {}
        for name, feature in features.items():
            by_columns = _BY_COLUMNS.get(type(feature))
            if by_columns is None:
                columns |= _looped({name: feature}, samples)
            else:
                columns[name] = by_columns(feature, samples)
        return columns
    return _looped(features, samples)  # One feature of a stranger may look at another: they move together.


def _looped(features: Mapping[str, Feature], samples: Samples) -> dict[str, Any]:
    copies = deepcopy(dict(features))
    names = [(feature, name) for feature in copies.values() for name in feature.shown]
    rows: list[list[int | float]] = []
    if samples.candles is None:
        updates = [feature.update for feature in copies.values()]
        for price, quantity in zip(samples.prices.tolist(), samples.quantities.tolist(), strict=True):
            for update in updates:
                update(price, quantity)
            rows.append([getattr(feature, name) for feature, name in names])
    else:
        candle_updates = [feature.update_candle for feature in copies.values()]
        for candle in samples.candles():
            for update_candle in candle_updates:
                update_candle(candle)
            rows.append([getattr(feature, name) for feature, name in names])
    columns = iter([_column(values) for values in zip(*rows, strict=True)])
    return {
        name: _Looped({each: next(columns) for each in feature.shown}) for name, feature in copies.items()
    }


def _column(values: Sequence[Any]) -> IntColumn | FloatColumn:
    """Return one column of numbers that are all of one kind."""
    kinds = set(map(type, values))
    if kinds == {float}:
        return FloatColumn(np.array(values, np.float64))
    if kinds == {int}:
        return IntColumn(np.array(values, np.int64))
    raise TypeError("a feature shows floats, or integers, not both")


def _minus(one: Ints, other: Ints) -> Ints:
    column = IntColumn(one) - IntColumn(other)
    assert isinstance(column, IntColumn), "a difference of integers"
    return column.values


def _product(one: Ints, other: Ints) -> Ints:
    column = IntColumn(one) * IntColumn(other)
    assert isinstance(column, IntColumn), "a product of integers"
    return column.values


def _leaving(ring: deque[int], entering: Ints) -> Ints:
    """Return the values that leave the full *ring* as those of *entering* come in."""
    count = min(len(ring), len(entering))
    oldest = np.fromiter(islice(ring, count), np.int64, count)
    return np.concatenate((oldest, entering[: len(entering) - count]))
