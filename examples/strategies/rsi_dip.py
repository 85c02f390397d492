"""Buy when almost nothing but falls was seen, sell when rises and falls are even again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.data.feature_library import Rsi
from meva_core.data.features import Feature
from meva_core.model.market import Side
from meva_core.signals.strategies.parts import sell_all
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class RsiDip:
    """Buy *quantity* at an RSI of *low* or less; sell all at *high* or more."""

    size: int = 14
    low: float = 20.0
    high: float = 50.0
    quantity: Decimal = Decimal("0.01")
    timeframe: str | None = "5m"

    def features(self) -> Mapping[str, Feature]:
        """Return the index."""
        return {"rsi": Rsi(self.size)}

    def acts(self, f: Any, stance: int) -> bool:
        """Return whether the index calls for a trade."""
        acts: bool = ((f.rsi.value <= self.low) & (stance <= 0)) | ((f.rsi.value >= self.high) & (stance > 0))
        return acts

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return the trade that `acts` announced."""
        if ctx.stance > 0:
            return sell_all(ctx, "back to even")
        return Signal(Side.BUY, self.quantity, "a dip")
