"""Keep the account's value over time in bounded memory: a thinned curve, daily closes, and mean exposure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_core.model.market import NS_PER_DAY
from meva_core.model.money import EXACT, ZERO
from meva_core.ops.statistics import Statistic

# An average of fewer would say more of the moments at which they were taken.
EXPOSURES_MIN: Final = 10
# More points than any screen has columns; 10,000 samples of two values are about 2 MB.
SAMPLES_MAX: Final = 10_000


class EquityCurve:
    """Take samples in time order; hold at most *samples_max* of them, and one close per UTC day.

    When full, every second sample is dropped and from then on only every second, fourth, ... is taken.
    Which samples remain depends on their number alone, so equal runs give equal curves.
    """

    def __init__(self, samples_max: int = SAMPLES_MAX) -> None:
        self._samples_max = samples_max
        self._samples: list[tuple[int, Decimal]] = []
        self._closes: dict[int, Decimal] = {}
        self._stride = 1
        self._count = 0
        self._last: tuple[int, Decimal] | None = None
        self._exposure_share = 0.0
        self._exposed_ns = 0.0
        self._watched_ns = 0
        self._deepest = ZERO
        self._deepest_peak = ZERO
        self._drawdown_share = 0.0

    def add(self, time_ns: int, equity: Decimal, *, exposure: Decimal, drawdown: Decimal) -> None:
        """Take one valuation of the account, in the reporting currency."""
        self._watch_exposure(time_ns, equity, exposure)
        self._watch_drawdown(equity, drawdown)
        self._last = (time_ns, equity)
        self._closes[time_ns // NS_PER_DAY] = equity
        if self._count % self._stride == 0:
            self._samples.append(self._last)
            if len(self._samples) >= self._samples_max:
                del self._samples[1::2]
                self._stride *= 2
        self._count += 1

    def samples(self) -> tuple[tuple[int, Decimal], ...]:
        """Return (time_ns, equity) in time order, the newest always included."""
        if self._last is None or self._samples[-1] == self._last:
            return tuple(self._samples)
        return (*self._samples, self._last)

    def daily_closes(self) -> list[float]:
        """Return the last equity of every UTC day; a day without a sample repeats the one before."""
        if not self._closes:
            return []
        closes: list[float] = []
        close = ZERO
        for day in range(next(iter(self._closes)), next(reversed(self._closes)) + 1):
            close = self._closes.get(day, close)
            closes.append(float(close))
        return closes

    def mean_exposure(self) -> Statistic:
        """Return exposure over equity, averaged over time: what was held at a sample counts until the next."""
        if self._count < EXPOSURES_MIN or not self._watched_ns:
            return Statistic(None, f"fewer than {EXPOSURES_MIN} samples of the equity")
        return Statistic(self._exposed_ns / self._watched_ns)

    def drawdown_share(self, max_drawdown: Decimal, start_equity: Decimal) -> float:
        """Return the largest fall over the peak before it.

        The exact *max_drawdown* may lie between two samples; it is set against the deepest sample's peak.
        """
        peak = self._deepest_peak or start_equity
        return max(self._drawdown_share, float(max_drawdown) / float(peak)) if peak > 0 else 0.0

    def _watch_exposure(self, time_ns: int, equity: Decimal, exposure: Decimal) -> None:
        if self._last is not None:
            elapsed = time_ns - self._last[0]
            self._exposed_ns += self._exposure_share * elapsed
            self._watched_ns += elapsed
        self._exposure_share = float(exposure) / float(equity) if equity > 0 else 0.0

    def _watch_drawdown(self, equity: Decimal, drawdown: Decimal) -> None:
        peak = EXACT.add(equity, drawdown)
        if peak <= 0:
            return
        if drawdown > self._deepest:
            self._deepest, self._deepest_peak = drawdown, peak
        self._drawdown_share = max(self._drawdown_share, float(drawdown) / float(peak))
