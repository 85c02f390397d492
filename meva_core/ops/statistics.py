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


def calmar(returns: Sequence[float], drawdown_share: float) -> Statistic:
    """Return the annualised compound return over the largest drawdown, both as shares.

    The return is `(product of (1 + r)) ** (365 / days) - 1`. Source: Young, "Calmar Ratio: A Smoother Tool",
    Futures 20 (1991), on all days given instead of the last 36 months.
    """
    if len(returns) < DAYS_MIN:
        return Statistic(None, TOO_SHORT)
    if drawdown_share <= _NO_VARIATION:
        return Statistic(None, "no drawdown")
    return Statistic(annual_return(returns) / drawdown_share)


def annual_return(returns: Sequence[float]) -> float:
    """Return the compound return of a year at the pace of these daily *returns*; -1 when everything was lost."""
    growth = math.prod(1.0 + each for each in returns)
    return growth ** (DAYS_PER_YEAR / len(returns)) - 1.0 if growth > 0 else -1.0


def compounded(returns: Sequence[float]) -> float:
    """Return what *returns* one after the other come to.

    >>> round(compounded([0.1, -0.1]), 12)
    -0.01
    """
    return math.prod(1.0 + each for each in returns) - 1.0


def percentile(ordered: Sequence[float], share_below: float) -> float:
    """Return the value below which *share_below* (0 to 1) of the *ordered*, non-empty values lie.

    It interpolates linearly between the two nearest ranks (Hyndman and Fan, "Sample Quantiles in Statistical
    Packages", The American Statistician 50 (1996), definition 7).

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    place = (len(ordered) - 1) * share_below
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    low, high = ordered[below], ordered[above]
    return low + (high - low) * (place - below)


def histogram(values: Sequence[float], bins: int) -> list[tuple[float, float, int]]:
    """Return (from, to, count) of *bins* equal bins over the range of *values*; none for no values.

    A value on an inner edge belongs to the upper bin, the largest to the last. Values that are all equal fill one.

    >>> histogram([0.0, 1.0, 1.0, 2.0], 2)
    [(0.0, 1.0, 1), (1.0, 2.0, 3)]
    """
    if not values:
        return []
    low, high = min(values), max(values)
    if high - low <= _NO_VARIATION:
        return [(low, high, len(values))]
    width = (high - low) / bins
    edges = [low + width * index for index in range(bins)] + [high]
    counts = [0] * bins
    for each in values:
        place = min(int((each - low) / width), bins - 1)
        if each < edges[place]:  # The division rounded up to an edge that lies above the value.
            place -= 1
        elif place < bins - 1 and each >= edges[place + 1]:
            place += 1
        counts[place] += 1
    return list(zip(edges, edges[1:], counts, strict=False))


def share(part: float, whole: float, *, missing: str) -> Statistic:
    """Return *part* over *whole*, or why there is no such share when *whole* is zero."""
    return Statistic(part / whole) if whole else Statistic(None, missing)


def _ratio(mean: float, deviation: float, *, missing: str) -> Statistic:
    if deviation <= _NO_VARIATION:
        return Statistic(None, missing)
    return Statistic(mean / deviation * math.sqrt(DAYS_PER_YEAR))
