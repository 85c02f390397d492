"""Calculate the statistics of a run from daily equity, as people read them; no decision uses them.

Crypto trades every day: a year has 365. Returns are simple (not logarithmic), the risk-free rate is zero.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from attrs import frozen

DAYS_PER_YEAR: Final = 365
# Below a month of days the error of an annualised ratio is larger than the ratio itself (Lo 2002: the
# standard error of a Sharpe ratio is about sqrt(365 / days), here 3.5).
DAYS_MIN: Final = 30
# Returns that differ by rounding of their last bits alone do not vary; a ratio of them would be noise.
_NO_VARIATION: Final = 1e-15
TOO_SHORT: Final = f"fewer than {DAYS_MIN} days"


@frozen
class Statistic:
    """Hold a figure, or the reason why there is none.

    >>> str(Statistic(1.5)), str(Statistic(None, "no loss"))
    ('1.50', 'n/a: no loss')
    """

    value: float | None
    missing: str = ""

    def __str__(self) -> str:
        return f"n/a: {self.missing}" if self.value is None else f"{self.value:.2f}"


def daily_returns(closes: Sequence[float]) -> list[float]:
    """Return the simple returns between consecutive daily *closes*; the first close is the base.

    After an equity of zero or less there is no return to speak of, and the day counts as zero.

    >>> daily_returns([100.0, 110.0, 99.0])
    [0.1, -0.1]
    """
    return [(after - before) / before if before > 0 else 0.0 for before, after in pairwise(closes)]


def volatility(returns: Sequence[float]) -> Statistic:
    """Return the annualised standard deviation: sample deviation of daily returns times sqrt(365)."""
    if len(returns) < DAYS_MIN:
        return Statistic(None, TOO_SHORT)
    return Statistic(statistics.stdev(returns) * math.sqrt(DAYS_PER_YEAR))


def sharpe(returns: Sequence[float]) -> Statistic:
    """Return the annualised Sharpe ratio: mean over sample deviation of daily returns, times sqrt(365).

    Source: Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21 (1994), equations 5 to 7.
    """
    if len(returns) < DAYS_MIN:
        return Statistic(None, TOO_SHORT)
    return _ratio(statistics.fmean(returns), statistics.stdev(returns), missing="returns do not vary")


def sortino(returns: Sequence[float]) -> Statistic:
    """Return the annualised Sortino ratio: mean over downside deviation of daily returns, times sqrt(365).

    The downside deviation is the root of the mean of squared negative returns over *all* days (target 0).
    Source: Sortino and Price, "Performance Measurement in a Downside Risk Framework", Journal of
    Investing 3 (1994).
    """
    if len(returns) < DAYS_MIN:
        return Statistic(None, TOO_SHORT)
    downside = math.sqrt(math.fsum(min(each, 0.0) ** 2 for each in returns) / len(returns))
    return _ratio(statistics.fmean(returns), downside, missing="no losing day")


def share(part: float, whole: float, *, missing: str) -> Statistic:
    """Return *part* over *whole*, or why there is no such share when *whole* is zero."""
    return Statistic(part / whole) if whole else Statistic(None, missing)


def _ratio(mean: float, deviation: float, *, missing: str) -> Statistic:
    if deviation <= _NO_VARIATION:
        return Statistic(None, missing)
    return Statistic(mean / deviation * math.sqrt(DAYS_PER_YEAR))
