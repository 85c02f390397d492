"""Hold what has risen more than its own noise explains, until the rise is undone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.data.feature_library import TrendScore
from meva_core.data.features import Feature
from meva_core.model.market import Side
from meva_core.signals.strategies.parts import (
    BPS_PER_UNIT,
    buy_quantity,
    is_amount,
    require,
    sell_all,
    tail_confidence,
)
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class Momentum:
    """Follow the sign of the return over *lookback* samples; long or flat.

    Buy when the move, in units of realised volatility over the same samples, reaches *entry_score*; sell all
    when the move has turned negative. A buy's confidence is `1 - 1 / score**2` (Chebyshev); its edge is
    `confidence * return` over the lookback, in bps: the past move again, as far as it is no noise.
    A buy takes *quantity* if given, else as many lots as *notional* (in the quote asset) pays for.

    Source: Moskowitz, Ooi & Pedersen, "Time Series Momentum" (2012): sign of the past return, scaled by
    volatility. The entry threshold is ours; at `entry_score` 0 the sign alone decides, as there.
    """

    lookback: int = 120
    entry_score: float = 1.5
    notional: Decimal = Decimal(100)
    quantity: Decimal | None = None
    timeframe: str | None = "1m"

    def __attrs_post_init__(self) -> None:
        # A straight line scores the root of the lookback, so a higher threshold could never be reached.
        reachable = self.entry_score >= 0 and self.entry_score * self.entry_score <= self.lookback
        facts = {
            f"entry_score ({self.entry_score}) must lie in 0..sqrt(lookback {self.lookback})": reachable,
            f"notional ({self.notional}) must be positive": is_amount(self.notional),
            f"quantity ({self.quantity}) must be positive": self.quantity is None or is_amount(self.quantity),
        }
        require("momentum", facts)

    def features(self) -> Mapping[str, Feature]:
        """Return the move in units of its volatility."""
        return {"trend": TrendScore(self.lookback)}

    def acts(self, features: Any, stance: int) -> bool:
        """Return whether the move calls for an entry when flat, or for an exit when long."""
        trend = features.trend
        rises = (trend.total > 0) & (trend.value >= self.entry_score)
        acts: bool = (rises & (stance <= 0)) | ((trend.total < 0) & (stance > 0))
        return acts

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return the entry or the exit that the move calls for."""
        trend = ctx.features.trend
        if ctx.stance > 0:
            return sell_all(ctx, "the rise is undone") if trend.total < 0 else None
        if trend.total <= 0 or trend.value < self.entry_score:
            return None
        confidence = tail_confidence(trend.value)
        return Signal(
            Side.BUY,
            buy_quantity(ctx, quantity=self.quantity, notional=self.notional),
            "rose beyond its noise",
            confidence=confidence,
            edge_bps=BPS_PER_UNIT * confidence * trend.total / (ctx.price_ticks - trend.total),
        )
