"""Hold the asset while the fast average of prices is above the slow one, else hold none."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.data.feature_library import Sma
from meva_core.data.features import Feature
from meva_core.model.market import Side
from meva_core.signals.strategies.parts import BPS_PER_UNIT, is_amount, require, sell_all
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class SmaCross:
    """Buy *quantity* when the mean of *fast* samples is strictly above that of *slow*; sell all when below.

    Averages are compared exactly, in integers, so equality is equality and keeps what is held.
    Confidence is 1: the rule knows no degrees. Edge of a buy: how far the fast mean is above the slow, in bps
    of the slow. Source: Brock, Lakonishok & LeBaron, "Simple Technical Trading Rules" (1992), band 0.
    """

    fast: int = 10
    slow: int = 30
    quantity: Decimal = Decimal("0.1")
    timeframe: str | None = None

    def __attrs_post_init__(self) -> None:
        facts = {
            f"fast ({self.fast}) must be smaller than slow ({self.slow})": self.fast < self.slow,
            f"quantity ({self.quantity}) must be positive": is_amount(self.quantity),
        }
        require("sma_cross", facts)

    def features(self) -> Mapping[str, Feature]:
        """Return both averages."""
        return {"fast": Sma(self.fast), "slow": Sma(self.slow)}

    def acts(self, features: Any, stance: int) -> bool:
        """Return whether the averages disagree with what is held."""
        above: bool = features.fast.total * self.slow > features.slow.total * self.fast
        return above != (stance > 0)

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return the trade that ends the disagreement; none while the averages are equal."""
        fast, slow = ctx.features.fast.total * self.slow, ctx.features.slow.total * self.fast
        if fast > slow and ctx.stance <= 0:
            edge_bps = BPS_PER_UNIT * (fast - slow) / slow
            return Signal(Side.BUY, self.quantity, "fast average above slow", edge_bps=edge_bps)
        if fast < slow and ctx.stance > 0:
            return sell_all(ctx, "fast average below slow")
        return None
