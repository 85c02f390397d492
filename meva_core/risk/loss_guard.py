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
    """Keep the anchors and name the limits that the equity breaks."""

    def __init__(self, *, daily_loss: int, drawdown: int) -> None:
        self.daily_loss = daily_loss
        self.drawdown = drawdown
        self.anchors = LossAnchors()

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
        anchors = self.anchors
        anchors.equity = equity
        if equity > anchors.peak:
            anchors.peak = equity
        fall = anchors.peak - equity
        anchors.drawdown = fall
        if fall > anchors.max_drawdown:
            anchors.max_drawdown = fall
        if anchors.day_open - equity < self.daily_loss and fall < self.drawdown:
            return ()
        return self.breaches()

    @property
    def is_daily_loss_reached(self) -> bool:
        """Return whether the last mark breaks the limit on the day's loss."""
        return self.anchors.day_open - self.anchors.equity >= self.daily_loss

    @property
    def is_drawdown_reached(self) -> bool:
        """Return whether the last mark breaks the limit on the drawdown."""
        return self.anchors.drawdown >= self.drawdown

    def breaches(self) -> tuple[str, ...]:
        """Return the codes of the limits that the last mark breaks."""
        daily = (DAILY_LOSS,) if self.is_daily_loss_reached else ()
        return (*daily, DRAWDOWN) if self.is_drawdown_reached else daily

    def slack(self) -> tuple[int, int]:
        """Return (fall, rise) of the equity within which no anchor, record or limit can change."""
        anchors = self.anchors
        floor = anchors.peak - anchors.max_drawdown
        for limit in (anchors.day_open - self.daily_loss, anchors.peak - self.drawdown):
            if floor <= limit < anchors.equity:  # A limit broken already cannot break again.
                floor = limit + 1
        return anchors.equity - floor, anchors.peak - anchors.equity
