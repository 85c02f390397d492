"""The equity curve keeps its promise in bounded memory."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.ops.equity_curve import EquityCurve
from meva_core.ops.statistics import Statistic
from tests.unit.ops.records import DAY_NS

ZERO = Decimal(0)


def curve_of(equities: list[int], *, samples_max: int = 10, step_ns: int = 1) -> EquityCurve:
    """Return a curve that has seen *equities*, *step_ns* apart."""
    curve = EquityCurve(samples_max)
    for index, equity in enumerate(equities):
        curve.add(index * step_ns, Decimal(equity), exposure=ZERO, drawdown=ZERO)
    return curve


@given(count=st.integers(0, 500), samples_max=st.integers(2, 40))
def test_curve_is_bounded_ordered_and_ends_with_the_newest(count: int, samples_max: int) -> None:
    """However many samples come, few remain, evenly spaced, the first and the newest among them."""
    times = [time for time, _ in curve_of(list(range(count)), samples_max=samples_max).samples()]

    assert len(times) <= samples_max + 1
    assert sorted(set(times)) == times
    assert ([0, count - 1] if count else []) == [*times[:1], *([times[-1]] if count else [])]
    assert len({after - before for before, after in pairwise(times[:-1])}) <= 1


def test_curve_halves_when_full() -> None:
    """At the limit every second sample goes, and only every second is taken from then on."""
    curve = curve_of(list(range(8)), samples_max=4)

    assert [0, 4, 7] == [time for time, _ in curve.samples()]


def test_day_without_sample_repeats_the_last_close() -> None:
    """Nothing was booked and nothing marked: equity stays what was last known."""
    curve = EquityCurve()
    for day, equity in ((0, 100), (0, 101), (3, 104)):
        curve.add(day * DAY_NS, Decimal(equity), exposure=ZERO, drawdown=ZERO)

    assert [101.0, 101.0, 101.0, 104.0] == curve.daily_closes()


def test_exposure_is_averaged_over_time() -> None:
    """Half of equity for one second, nothing for seven: a sixteenth on average."""
    curve = EquityCurve()
    for time_ns, exposure in ((0, 50), *((second, 0) for second in range(1, 9))):
        curve.add(time_ns, Decimal(100), exposure=Decimal(exposure), drawdown=ZERO)

    assert Statistic(None, "fewer than 10 samples of the equity") == curve.mean_exposure()
    curve.add(8, Decimal(100), exposure=ZERO, drawdown=ZERO)
    assert Statistic(0.0625) == curve.mean_exposure()


def test_drawdown_share_is_of_the_peak() -> None:
    """A fall of 30 from 120 is a quarter, whatever came later from higher peaks."""
    curve = EquityCurve()
    for time_ns, (equity, drawdown) in enumerate(((100, 0), (120, 0), (90, 30), (200, 0), (180, 20))):
        curve.add(time_ns, Decimal(equity), exposure=ZERO, drawdown=Decimal(drawdown))

    assert 0.25 == curve.drawdown_share(Decimal(30), Decimal(100))
    assert pytest.approx(36 / 120) == curve.drawdown_share(Decimal(36), Decimal(100))


def test_fall_between_samples_is_not_hidden() -> None:
    """Without any sampled fall the exact one is set against the equity at the start."""
    assert 0.05 == curve_of([100]).drawdown_share(Decimal(5), Decimal(100))
