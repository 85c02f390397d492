"""Wish for what is right, what is invalid and what the risk gate refuses, in turn; claim nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.model.market import Side
from meva_core.model.order import OrderType
from meva_core.signals.strategy import Signal, SignalContext

# A market buy, a buy of nothing, a buy beyond every limit, a sale; by the price of the trade, which knows no state.
_KINDS = 4


@frozen
class Noisy:
    """Answer every trade, each price in its own way."""

    timeframe: str | None = None

    def features(self) -> dict[str, Any]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        match ctx.price_ticks % _KINDS:
            case 0:
                return Signal(Side.BUY, Decimal("0.001"), "a small buy", type=OrderType.MARKET)
            case 1:
                return Signal(Side.BUY, Decimal(0), "a buy of nothing")
            case 2:
                return Signal(Side.BUY, Decimal(1), "a buy beyond every limit")
            case _:
                return Signal(Side.SELL, Decimal("0.001"), "a small sale", type=OrderType.MARKET)
