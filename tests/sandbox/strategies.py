"""Strategies for agents in processes of their own, given as `tests.sandbox.strategies:Class`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.model.market import Side
from meva_core.model.order import OrderType
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class Resting:
    """Bid half a per cent below every trade until the limit of open orders is reached; nothing fills for a while."""

    quantity: Decimal = Decimal("0.005")
    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal:
        price = ctx.instrument.price(ctx.price_ticks * 995 // 1000)
        return Signal(Side.BUY, self.quantity, "rests", type=OrderType.LIMIT, limit_price=price)
