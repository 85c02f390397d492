"""Features are exact functions of their window, obey their written formulas, and survive a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from meva_core.data.features import Feature
from meva_core.errors import ConfigError, InvariantError
from meva_core.model.market import Candle

ALL: tuple[Callable[[int], Feature], ...] = (
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
WINDOWED: tuple[Callable[[int], Feature], ...] = (
    Bollinger,
    Donchian,
    RateOfChange,
    RollingStd,
    RollingSum,
    Sma,
    TrendScore,
    Vwap,
    ZScore,
)
SIZE = 4

prices = st.integers(min_value=1, max_value=2**40)
long_walks = st.lists(prices, min_size=SIZE + 2, max_size=40)


def fed(feature: Feature, samples: list[int]) -> Feature:
    """Return *feature* after *samples*, each with a quantity derived from it."""
    for price in samples:
        feature.update(price, price % 7 + 1)
    return feature


@given(long_walks)
def test_sums_are_exact(samples: list[int]) -> None:
    """Totals equal the window's sums, and the mean is their quotient rounded once."""
    window = samples[-SIZE:]

    average = fed(Sma(SIZE), samples)

    assert isinstance(average, Sma)
    assert sum(window) == average.total
    assert sum(window) / SIZE == average.value


@given(long_walks)
def test_deviation_loses_nothing_to_cancellation(samples: list[int]) -> None:
    """The variance is exact before its root, however large the prices and small their spread."""
    window = samples[-SIZE:]
    mean = Fraction(sum(window), SIZE)
    exact_spread = sum((price - mean) ** 2 for price in window) * SIZE

    deviation = fed(RollingStd(SIZE), samples).value

    assert sqrt(int(exact_spread)) / SIZE == deviation


def test_deviation_of_huge_prices() -> None:
    """Prices of 2**53 that differ by one tick have a deviation; in floats it would vanish."""
    samples = [2**53, 2**53 + 1, 2**53, 2**53 + 1]

    assert 0.5 == fed(RollingStd(SIZE), samples).value


def test_z_score_counts_deviations() -> None:
    """One outlier among equals scores the root of (size - 1), the bound."""
    assert sqrt(3) == pytest.approx(fed(ZScore(4), [100, 100, 100, 104]).value, abs=1e-15)
    assert 0 == fed(ZScore(4), [100, 100, 100, 100]).value


def test_bollinger_places_the_price() -> None:
    """With a mean of 100 and a deviation of 1 the bands are 98 and 102, and 101 stands at three quarters."""
    bands = Bollinger(4)

    fed(bands, [99, 101, 99, 101])

    assert (98, 102, 0.75) == (bands.lower, bands.upper, bands.value)
    assert 0.5 == fed(Bollinger(4), [99, 99, 99, 99]).value


def test_ema_starts_with_the_mean() -> None:
    """The first value is the simple mean, then each price weighs 2 / (size + 1)."""
    assert 0 == fed(Ema(3), [10, 20]).value
    assert 20 == fed(Ema(3), [10, 20, 30]).value
    assert 30 == fed(Ema(3), [10, 20, 30, 40]).value


def test_vwap_weighs_by_quantity() -> None:
    """Three lots at 104 and one at 100 average 103; without volume the last price stands."""
    vwap, still = Vwap(2), Vwap(2)
    for price, lots in ((999, 50), (100, 1), (104, 3)):
        vwap.update(price, lots)
        still.update(price, 0)

    assert 103 == vwap.value
    assert 104 == still.value


def test_rate_of_change_is_a_fraction() -> None:
    """From 100 to 110 over two samples is a tenth."""
    assert 0.1 == fed(RateOfChange(2), [50, 100, 90, 110]).value


def test_trend_score_of_a_straight_line() -> None:
    """A straight line scores the root of the window, a return to the start scores 0."""
    assert 2 == fed(TrendScore(4), [7, 100, 103, 106, 109, 112]).value
    assert 0 == fed(TrendScore(4), [100, 103, 100, 103, 100]).value


def test_rsi_follows_wilder() -> None:
    """Means of the first changes, then smoothed ones; 50 for a still market, 100 for rises alone."""
    # Changes +2 -1 give means 1 and 0.5; then +4 gives (1 + 4) / 2 = 2.5 and 0.5 / 2 = 0.25.
    assert 100 * 2.5 / 2.75 == fed(Rsi(2), [10, 12, 11, 15]).value
    assert 50 == fed(Rsi(2), [10, 10, 10, 10]).value
    assert 100 == fed(Rsi(2), [10, 11, 12]).value


def test_atr_counts_the_gap_from_the_last_close() -> None:
    """True ranges of 6 (with a gap) and 4 average 5; the next, of 1, gives (5 + 1) / 2."""
    bars = [(11, 9, 10), (16, 14, 15), (17, 13, 15), (15, 14, 15)]
    atr = Atr(2)
    values = []
    for number, (high, low, close) in enumerate(bars):
        atr.update_candle(Candle(number, number + 1, low, high, low, close, 1))
        values.append(atr.value)

    assert [0, 0, 5, 3] == values


@given(st.lists(st.tuples(prices, prices), min_size=1, max_size=60), st.integers(min_value=1, max_value=8))
def test_donchian_is_the_windows_range(bars: list[tuple[int, int]], size: int) -> None:
    """High and low equal the extremes of the last *size* candles at every step."""
    channel = Donchian(size)

    for count, (first, second) in enumerate(bars, start=1):
        channel.update_candle(
            Candle(count, count + 1, first, max(first, second), min(first, second), second, 1)
        )
        window = [price for bar in bars[max(0, count - size) : count] for price in bar]
        assert (max(window), min(window)) == (channel.high, channel.low)


@pytest.mark.parametrize("make", WINDOWED)
@given(long_walks, long_walks, long_walks)
def test_a_value_depends_on_its_window_alone(
    make: Callable[[int], Feature], window: list[int], past: list[int], other: list[int]
) -> None:
    """Two pasts that end in the same window give the same value to the bit."""
    assert fed(make(SIZE), past + window).value == fed(make(SIZE), other + window).value


@pytest.mark.parametrize("make", ALL)
@given(st.lists(prices, max_size=20), st.lists(prices, min_size=1, max_size=20))
def test_a_restored_feature_goes_on_the_same(
    make: Callable[[int], Feature], before: list[int], after: list[int]
) -> None:
    """A checkpoint through JSON at any sample, warm or not, changes no later value."""
    kept = fed(make(SIZE), before)
    restored = make(SIZE)

    restored.restore(json.loads(json.dumps(kept.snapshot())))

    assert kept.value == restored.value
    assert fed(kept, after).value == fed(restored, after).value
    assert kept.snapshot() == restored.snapshot()


@pytest.mark.parametrize("make", ALL)
def test_a_feature_is_warm_after_its_warm_up(make: Callable[[int], Feature]) -> None:
    """What came before the samples that warm-up asks for no longer counts."""
    feature = make(SIZE)
    samples = [1_000 + 37 * number % 101 for number in range(feature.warm_up)]

    fed(feature, samples)

    assert feature.warm_up in (SIZE, SIZE + 1)
    assert 0 != feature.value


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("size", [0, -1, True, 2.0, 1_000_001])
def test_an_impossible_window_is_refused(make: Callable[[int], Feature], size: int) -> None:
    """The error names the feature and the value that was found."""
    with pytest.raises(ConfigError, match=rf"size must be a whole number .* not {size!r}"):
        make(size)


@pytest.mark.parametrize("width", [0, -1.0, float("nan"), float("inf")])
def test_an_impossible_band_is_refused(width: float) -> None:
    """A band has a positive, finite width."""
    with pytest.raises(ConfigError, match="width"):
        Bollinger(20, width)


def test_a_checkpoint_of_another_window_is_refused() -> None:
    """Ten prices do not restore an average of twenty."""
    with pytest.raises(InvariantError, match="10 values for a window of 20"):
        Sma(20).restore(Sma(10).snapshot())
