"""The statistics of a run equal values calculated by hand."""

from __future__ import annotations

import math

import pytest

from meva_core.ops.statistics import (
    DAYS_MIN,
    Statistic,
    daily_returns,
    share,
    sharpe,
    sortino,
    volatility,
)

# Fifteen days of +2 % and fifteen of -1 %: the mean is 0.5 %, every deviation from it 1.5 %.
UP_AND_DOWN = [0.02, -0.01] * 15


def test_daily_returns_are_simple() -> None:
    """Each close is set against the one before."""
    returns = daily_returns([100.0, 110.0, 99.0, 99.0])

    assert pytest.approx([0.1, -0.1, 0.0]) == returns


def test_ruined_account_has_no_returns() -> None:
    """From zero or less nothing can be earned in percent."""
    assert [-1.0, 0.0, 0.0] == daily_returns([100.0, 0.0, 5.0 - 5.0, 10.0])


def test_volatility_by_hand() -> None:
    """The sample deviation is 1.5 % times sqrt(30 / 29), annualised by sqrt(365)."""
    expected = 0.015 * math.sqrt(30 / 29) * math.sqrt(365)

    assert pytest.approx(expected) == volatility(UP_AND_DOWN).value


def test_sharpe_by_hand() -> None:
    """Mean 0.5 % over sample deviation 1.5 % sqrt(30 / 29), annualised: 6.26."""
    figure = sharpe(UP_AND_DOWN)

    assert pytest.approx(0.005 / (0.015 * math.sqrt(30 / 29)) * math.sqrt(365)) == figure.value
    assert "6.26" == str(figure)


def test_sortino_by_hand() -> None:
    """Half of the days lose 1 %: downside deviation 1 % / sqrt(2), so the ratio is 13.51."""
    figure = sortino(UP_AND_DOWN)

    assert pytest.approx(0.005 / (0.01 / math.sqrt(2)) * math.sqrt(365)) == figure.value
    assert "13.51" == str(figure)


@pytest.mark.parametrize("formula", [sharpe, sortino, volatility])
def test_below_thirty_days_there_is_no_ratio(formula: object) -> None:
    """A short run says so, rather than showing a Sharpe of 14."""
    assert callable(formula)

    assert "n/a: fewer than 30 days" == str(formula([0.01, -0.01] * (DAYS_MIN // 2 - 1)))


def test_constant_returns_have_no_sharpe() -> None:
    """Without variation a ratio to it would be noise."""
    assert Statistic(None, "returns do not vary") == sharpe([0.01] * 40)


def test_without_a_loss_there_is_no_sortino() -> None:
    """Without a losing day the downside is unknown, not zero."""
    assert Statistic(None, "no losing day") == sortino([0.01, 0.02] * 20)


def test_share_of_nothing_is_no_number() -> None:
    """A win rate over no closing fill is missing, with the reason."""
    assert Statistic(0.25) == share(1, 4, missing="nothing")
    assert Statistic(None, "nothing") == share(1, 0, missing="nothing")
