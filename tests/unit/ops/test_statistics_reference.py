"""The statistics of a report equal those of independent libraries on the same series."""

from __future__ import annotations

from random import Random

import numpy as np
import pandas as pd
import pytest

from meva_core.ops.statistics import (
    annual_return,
    calmar,
    compounded,
    histogram,
    percentile,
    sharpe,
    sortino,
    volatility,
)

DRAW = Random(20261124)
RETURNS = [round(DRAW.gauss(0.0008, 0.02), 6) for _ in range(400)]
# What empyrical-reloaded 0.7.1 says of RETURNS from 2025-01-01 on, with annualization=365.
EMPYRICAL = {
    "sharpe": 0.3897709012451618,
    "sortino": 0.5711067891466272,
    "calmar": 0.19765256905593895,
    "volatility": 0.3969788393789721,
    "annual_return": 0.07918305462401531,
    "max_drawdown": -0.4006173813081337,
    "total": 0.08709781244289627,
}
MONTHS = (-0.13172318964882246, 0.126843752838953, -0.1712809540209833)


def test_ratios_equal_those_of_empyrical() -> None:
    """Sharpe, Sortino, Calmar, volatility and the return of a year, to the thirteenth digit."""
    fall = -EMPYRICAL["max_drawdown"]
    found = {
        "sharpe": sharpe(RETURNS).value,
        "sortino": sortino(RETURNS).value,
        "calmar": calmar(RETURNS, fall).value,
        "volatility": volatility(RETURNS).value,
        "annual_return": annual_return(RETURNS),
        "total": compounded(RETURNS),
    }

    assert pytest.approx({name: EMPYRICAL[name] for name in found}, rel=1e-13) == found


def test_monthly_returns_equal_those_of_empyrical() -> None:
    """January and February of the series, and March."""
    days = pd.date_range("2025-01-01", periods=len(RETURNS))
    found = [
        compounded([value for day, value in zip(days, RETURNS, strict=True) if day.month == month])
        for month in (3,)
    ]
    first = [compounded(RETURNS[:31]), compounded(RETURNS[31:59])]

    assert pytest.approx(MONTHS[:2], rel=1e-13) == first
    assert pytest.approx([MONTHS[2]], rel=1e-13) == found


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("count", [1, 2, 3, 100, 399])
def test_percentiles_equal_those_of_numpy(share: float, count: int) -> None:
    """Its default method is definition 7, as here."""
    values = sorted(RETURNS[:count])

    assert pytest.approx(float(np.quantile(values, share)), rel=1e-13, abs=1e-15) == percentile(values, share)


@pytest.mark.parametrize("bins", [1, 7, 31])
@pytest.mark.parametrize("seed", range(20))
def test_histograms_equal_those_of_numpy(bins: int, seed: int) -> None:
    """Also for values that lie on the edges of bins."""
    draw = Random(seed)
    values = [draw.choice((draw.gauss(0, 1), float(draw.randrange(-5, 6)))) for _ in range(300)]
    counts, edges = np.histogram(values, bins=bins)
    found = histogram(values, bins)

    assert [int(count) for count in counts] == [count for _, _, count in found]
    assert pytest.approx(edges[:-1].tolist()) == [low for low, _, _ in found]
    assert pytest.approx(edges[-1]) == found[-1][1]


def test_equal_values_fill_one_bin() -> None:
    """There is no range to divide."""
    assert [(2.0, 2.0, 3)] == histogram([2.0, 2.0, 2.0], 31)
    assert [] == histogram([], 31)


def test_too_few_days_have_no_calmar_ratio() -> None:
    """Nor has an account that never fell."""
    assert "fewer than 30 days" == calmar(RETURNS[:29], 0.1).missing
    assert "no drawdown" == calmar([0.01] * 30, 0.0).missing
