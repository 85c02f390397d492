"""Features give the same bits one sample at a time, many at once, and as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.exact_columns import exactly
from meva_core.data.feature_columns import Samples, shown
from meva_core.data.feature_library import (
    Atr,
    Bollinger,
    Donchian,
    Ema,
    RateOfChange,
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

Samples2 = list[tuple[int, int]]

MAKERS: tuple[Callable[[int], Feature], ...] = (
    Sma,
    RollingSum,
    Ema,
    Vwap,
    RateOfChange,
    Rsi,
    TrendScore,
    Atr,
    Donchian,
    lambda size: RollingStd(size + 1),
    lambda size: ZScore(size + 1),
    lambda size: Bollinger(size + 1, 1.5),
)
makers = st.sampled_from(MAKERS)
sizes = st.integers(1, 12)
samples = st.lists(
    st.tuples(st.integers(2_999_990, 3_000_010) | st.integers(1, 10**7), st.integers(0, 10**6)), max_size=40
)


class Doubled(Sma):
    """Count every price twice; `extend` is inherited from a class that does not."""

    __slots__ = ()

    def update(self, price: int, quantity: int) -> None:
        """Take one price as two."""
        super().update(2 * price, quantity)


def warm(make: Callable[[int], Feature], size: int) -> Feature:
    """Return a feature that has seen as much as it needs."""
    feature = make(size)
    for step in range(feature.warm_up + 3):
        feature.update(3_000_000 + step * step % 17, 100 + step)
    return feature


def split(pairs: Samples2) -> tuple[list[int], list[int]]:
    """Return prices and quantities."""
    return [price for price, _ in pairs], [quantity for _, quantity in pairs]


@given(makers, sizes, samples, st.booleans())
def test_many_samples_at_once_leave_the_memory_of_one_after_the_other(
    make: Callable[[int], Feature], size: int, pairs: Samples2, is_warm: bool
) -> None:
    """`extend` is `update`, before warm-up as after it."""
    one, other = [warm(make, size) if is_warm else make(size) for _ in range(2)]
    for price, quantity in pairs:
        one.update(price, quantity)
    extension(other)(*split(pairs))

    assert one.snapshot() == other.snapshot()
    assert [getattr(one, name) for name in one.shown] == [getattr(other, name) for name in other.shown]


def test_a_subclass_that_changes_update_alone_is_extended_by_it() -> None:
    """An inherited `extend` knows nothing of it."""
    one, other = Doubled(3), Doubled(3)
    for price in (5, 6, 7, 8):
        one.update(price, 1)
    extension(other)([5, 6, 7, 8], [1] * 4)

    assert one.snapshot() == other.snapshot()


def columns_of(feature: Feature, pairs: Samples2, candles: Sequence[Candle] | None = None) -> list[list[Any]]:
    """Return what *feature* shows over *pairs*, one list per attribute."""
    prices, quantities = [np.array(each, np.int64) for each in split(pairs)]
    with exactly():
        found = shown({"it": feature}, Samples(prices, quantities, candles and (lambda: candles)))["it"]
        before = feature.snapshot()
        feature.extend(prices.tolist(), quantities.tolist())  # What is read late is still of then.
        read = [getattr(found, name).values.tolist() for name in feature.shown]
        feature.restore(before)
        return read


def singles_of(feature: Feature, pairs: Samples2, candles: Sequence[Candle] | None = None) -> list[list[Any]]:
    """Return the same by single updates."""
    rows = []
    for row, (price, quantity) in enumerate(pairs):
        if candles is None:
            feature.update(price, quantity)
        else:
            feature.update_candle(candles[row])
        rows.append([getattr(feature, name) for name in feature.shown])
    return [list(each) for each in zip(*rows, strict=True)]


def bits(columns: list[list[Any]]) -> list[list[str]]:
    """Return every number with its kind."""
    return [[value.hex() if isinstance(value, float) else str(value) for value in each] for each in columns]


@given(st.sampled_from((*MAKERS, Doubled)), sizes, samples.filter(bool))
def test_columns_show_what_single_updates_show(
    make: Callable[[int], Feature], size: int, pairs: Samples2
) -> None:
    """Every attribute, every row, to the last bit; and the feature itself has not moved."""
    feature = warm(make, size)
    before = feature.snapshot()
    found = columns_of(feature, pairs)

    assert before == feature.snapshot()
    assert bits(singles_of(feature, pairs)) == bits(found)


@given(makers, sizes, samples.filter(bool), st.integers(0, 50))
def test_columns_of_candles_show_what_single_candles_show(
    make: Callable[[int], Feature], size: int, pairs: Samples2, reach: int
) -> None:
    """Features that look at highs and lows see those of each candle."""
    candles = [
        Candle(row, row + 1, price, price + row % (reach + 1), max(1, price - row % 7), price, quantity)
        for row, (price, quantity) in enumerate(pairs)
    ]
    feature = warm(make, size)
    found = columns_of(feature, pairs, candles)

    assert bits(singles_of(feature, pairs, candles)) == bits(found)


def test_what_does_not_fit_is_refused() -> None:
    """Products beyond 64 bits, and averages of sums that no float holds."""
    feature = Vwap(2)
    for _ in range(2):
        feature.update(2**40, 2**20)
    with pytest.raises(OverflowError):
        columns_of(feature, [(2**40, 2**30)])


def test_a_deviation_is_exact_where_squares_do_not_fit() -> None:
    """Distances are squared, not prices."""
    feature = RollingStd(3)
    pairs = [(2**40 + move, 1) for move in (0, 5, -3, 900, 2)]
    for price, quantity in pairs[:3]:
        feature.update(price, quantity)
    prices, quantities = [np.array(each, np.int64) for each in split(pairs)]
    found = shown({"it": feature}, Samples(prices, quantities))["it"]

    assert singles_of(feature, pairs)[0] == found.value.values.tolist()
    with pytest.raises(OverflowError):
        _ = found.squares


def test_an_attribute_that_is_not_shown_is_refused() -> None:
    """A guard that asks for more is asked event by event instead."""
    feature = warm(Ema, 3)
    view = shown({"it": feature}, Samples(np.ones(1, np.int64), np.ones(1, np.int64)))["it"]
    with pytest.raises(AttributeError, match="no attribute 'size'"):
        _ = view.size
    with pytest.raises(AttributeError, match="no attribute '_ring'"):
        _ = shown({"it": warm(Sma, 3)}, Samples(np.ones(1, np.int64), np.ones(1, np.int64)))["it"]._ring
