"""Leave orders resting below the market; claim nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.model.market import Side
from meva_core.model.order import OrderType
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class Resting:
    """Want to buy half a per cent below every trade, on the venue's grid of a cent."""

    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal:
        limit = Decimal(ctx.price_ticks * 995 // 1000) / 100
        return Signal(Side.BUY, Decimal("0.01"), "cheaper", type=OrderType.LIMIT, limit_price=limit)
