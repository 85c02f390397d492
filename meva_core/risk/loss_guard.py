"""Watch equity against the daily loss and drawdown limits, exactly, at every mark; order nothing.

All amounts are quanta (see `ValuationService`). The guard also says how far one market may move before
anything here can change, so that most events need two integer comparisons and no valuation.
"""

from __future__ import annotations

from decimal import Decimal

from attrs import define, frozen

from meva_core.risk.gate import DAILY_LOSS, DRAWDOWN


@frozen
class DailyLossLimit:
    """Hold the largest loss allowed in one day, in the reporting currency."""

    limit: Decimal


@frozen
class LossCheckResult:
    """Tell whether the limit is breached, and what is left of it (never negative)."""

    breached: bool
    remaining: Decimal


@define
class LossAnchors:
    """Hold what losses are measured from; part of every checkpoint (invariant I16)."""

    start: int = 0
    day_open: int = 0
    peak: int = 0
    max_drawdown: int = 0
    drawdown: int = 0
    equity: int = 0


class LossGuard:
    """Keep the anchors and name the limits that the equity breaks.

    *is_calm* says that the last mark broke no limit, and that nobody has touched an anchor since. As long as the
    equity then stays above `_lowest` and not above `_peak`, it breaks no limit and is no peak; down to `_floor` it
    is no record either.
    """

    def __init__(self, *, daily_loss: int, drawdown: int) -> None:
        self._daily_loss = daily_loss
        self._drawdown = drawdown
        self._anchors = LossAnchors()
        self._lowest = self._floor = self._peak = 0
        self.is_calm = False

    @property
    def daily_loss(self) -> int:
        """Return the limit on the day's loss."""
        return self._daily_loss

    @property
    def drawdown(self) -> int:
        """Return the limit on the drawdown."""
        return self._drawdown

    @property
    def anchors(self) -> LossAnchors:
        """Return the anchors; take them anew each time. Whoever does may move them, so the next mark looks at each."""
        self.is_calm = False
        return self._anchors

    @anchors.setter
    def anchors(self, anchors: LossAnchors) -> None:
        self.is_calm = False
        self._anchors = anchors

    def check_daily_loss(self, pnl_today: Decimal, limits: DailyLossLimit) -> LossCheckResult:
        """Compare the day's result (negative for a loss) with *limits*; at the limit is a breach."""
        loss = -pnl_today
        return LossCheckResult(loss >= limits.limit, max(limits.limit - max(loss, Decimal(0)), Decimal(0)))

    def start(self, equity: int) -> None:
        """Take *equity* as start, day's opening and peak."""
        self.anchors = LossAnchors(equity, equity, equity, 0, 0, equity)

    def roll_day(self, equity: int) -> None:
        """Begin a new day at *equity*."""
        self.anchors.day_open = equity

    def shift(self, value: int) -> None:
        """Move every anchor by money that entered or left: a transfer is neither gain nor loss."""
        anchors = self.anchors
        anchors.start += value
        anchors.day_open += value
        anchors.peak += value

    def mark(self, equity: int) -> tuple[str, ...]:
        """Take the equity now, and return the codes of the limits it breaks."""
        anchors = self._anchors
        anchors.equity = equity
        if self.is_calm and self._lowest < equity <= self._peak:
            fall = self._peak - equity
            anchors.drawdown = fall
            if fall > anchors.max_drawdown:
                anchors.max_drawdown = fall
                self._floor = equity
            return ()
        return self._measure(anchors, equity)

    def _measure(self, anchors: LossAnchors, equity: int) -> tuple[str, ...]:
        """Compare *equity* with every anchor and limit, and remember how far this verdict carries."""
        if equity > anchors.peak:
            anchors.peak = equity
        peak = anchors.peak
        fall = peak - equity
        anchors.drawdown = fall
        if fall > anchors.max_drawdown:
            anchors.max_drawdown = fall
        lowest = max(anchors.day_open - self._daily_loss, peak - self._drawdown)
        self.is_calm = equity > lowest
        if not self.is_calm:
            return self.breaches()
        self._peak, self._lowest = peak, lowest
        self._floor = max(peak - anchors.max_drawdown, lowest + 1)
        return ()

    @property
    def is_daily_loss_reached(self) -> bool:
        """Return whether the last mark breaks the limit on the day's loss."""
        return self._anchors.day_open - self._anchors.equity >= self._daily_loss

    @property
    def is_drawdown_reached(self) -> bool:
        """Return whether the last mark breaks the limit on the drawdown."""
        return self._anchors.drawdown >= self._drawdown

    def breaches(self) -> tuple[str, ...]:
        """Return the codes of the limits that the last mark breaks."""
        daily = (DAILY_LOSS,) if self.is_daily_loss_reached else ()
        return (*daily, DRAWDOWN) if self.is_drawdown_reached else daily

    def fall_to(self, equity: int) -> bool:
        """Take the *equity*, no peak, unless a limit may break at it; return whether it was taken."""
        return self.is_calm and self._lowest < equity and not self.mark(equity)

    def slack(self) -> tuple[int, int]:
        """Return (fall, rise) of the equity within which no anchor, record or limit can change."""
        anchors = self._anchors
        equity = anchors.equity
        if self.is_calm:
            return equity - self._floor, self._peak - equity
        floor = anchors.peak - anchors.max_drawdown
        for limit in (anchors.day_open - self._daily_loss, anchors.peak - self._drawdown):
            if floor <= limit < equity:  # A limit broken already cannot break again.
                floor = limit + 1
        return equity - floor, anchors.peak - equity
