"""Buy what fell unusually far below its recent mean, and sell it when it is back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.data.feature_library import ZScore
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
class MeanReversion:
    """Trade the z-score of the price against its mean over *window* samples; long or flat.

    Buy at `z <= -entry_z`; sell all at `z >= -exit_z` (0: at the mean). A buy's confidence is `1 - 1 / z**2`
    (Chebyshev), its edge the way back to the exit, `mean - exit_z * std`, in bps of the price.
    A buy takes *quantity* if given, else as many lots as *notional* (in the quote asset) pays for.

    The band rule is J. Bollinger's ("Bollinger on Bollinger Bands", 2001); that prices revert at all is
    Poterba & Summers, "Mean Reversion in Stock Prices" (1988). It loses in a trend: keep a loss limit.
    """

    window: int = 60
    entry_z: float = 2.0
    exit_z: float = 0.0
    notional: Decimal = Decimal(100)
    quantity: Decimal | None = None
    timeframe: str | None = "1m"

    def __attrs_post_init__(self) -> None:
        facts = {
            f"entry_z ({self.entry_z}) must be above exit_z ({self.exit_z})": self.entry_z > self.exit_z,
            f"entry_z ({self.entry_z}) must be positive and finite": 0 < self.entry_z < float("inf"),
            f"notional ({self.notional}) must be positive": is_amount(self.notional),
            f"quantity ({self.quantity}) must be positive": self.quantity is None or is_amount(self.quantity),
        }
        require("mean_reversion", facts)

    def features(self) -> Mapping[str, Feature]:
        """Return the z-score."""
        return {"z": ZScore(self.window)}

    def acts(self, features: Any, stance: int) -> bool:
        """Return whether the score calls for an entry when flat, or for an exit when long."""
        z = features.z.value
        acts: bool = ((z <= -self.entry_z) & (stance <= 0)) | ((z >= -self.exit_z) & (stance > 0))
        return acts

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return the entry or the exit that the score calls for."""
        score = ctx.features.z
        z = score.value
        if ctx.stance > 0:
            return sell_all(ctx, "price is back at its mean") if z >= -self.exit_z else None
        if z > -self.entry_z:
            return None
        target = score.mean - self.exit_z * score.std
        return Signal(
            Side.BUY,
            buy_quantity(ctx, quantity=self.quantity, notional=self.notional),
            "price far below its mean",
            confidence=tail_confidence(z),
            edge_bps=BPS_PER_UNIT * (target - ctx.price_ticks) / ctx.price_ticks,
        )
