"""Buy a new high of the channel, sell a new low: the turtles' rule in one class."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.data.feature_library import Donchian
from meva_core.data.features import Feature
from meva_core.model.market import Side
from meva_core.signals.strategies.parts import sell_all
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class DonchianBreakout:
    """Hold while prices make new highs of *entry* candles; leave at a low of *exit* candles."""

    entry: int = 20
    exit: int = 10
    quantity: Decimal = Decimal("0.01")
    timeframe: str | None = "1h"

    def features(self) -> Mapping[str, Feature]:
        """Return the two channels; each includes the candle that has just closed."""
        return {"entry": Donchian(self.entry), "exit": Donchian(self.exit), "last": Donchian(1)}

    def acts(self, f: Any, stance: int) -> bool:
        """Return whether the last candle set a new high when flat, or a new low when long."""
        acts: bool = ((f.last.high >= f.entry.high) & (stance <= 0)) | (
            (f.last.low <= f.exit.low) & (stance > 0)
        )
        return acts

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return the trade that `acts` announced."""
        if ctx.stance > 0:
            return sell_all(ctx, "new low")
        return Signal(Side.BUY, self.quantity, "new high")
