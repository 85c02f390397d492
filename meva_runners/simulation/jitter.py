"""Trade often and in every way an order can be sent, so that faults have something to hit; earn nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from meva_core.data.feature_library import Sma
from meva_core.data.features import Feature
from meva_core.model.market import Side
from meva_core.model.order import OrderType, TimeInForce
from meva_core.signals.strategy import Signal, SignalContext

# Which terms an order has is read off the last digits of the price: as good as chance, and no memory.
_TERMS: Final = (
    (OrderType.MARKET, TimeInForce.GTC, False),
    (OrderType.LIMIT, TimeInForce.GTC, False),
    (OrderType.LIMIT, TimeInForce.IOC, False),
    (OrderType.LIMIT, TimeInForce.GTC, True),
    (OrderType.LIMIT, TimeInForce.FOK, False),
    (OrderType.MARKET, TimeInForce.GTC, False),
)
_TAKING: Final = (_TERMS[0], _TERMS[2], _TERMS[4])


@frozen
class Jitter:
    """Change sides whenever two short averages cross, about a tenth of all trades; *rests*: with resting orders too.

    *sold_at_once* is the most that one order sells. Without it, what has gathered under pauses and lost answers
    may pass the limit of an order, and then the strategy sells no more.
    """

    fast: int = 2
    slow: int = 6
    quantity: Decimal = Decimal("0.01")
    rests: bool = True
    sold_at_once: Decimal | None = None
    timeframe: str | None = None

    def features(self) -> Mapping[str, Feature]:
        """Return both averages."""
        return {"fast": Sma(self.fast), "slow": Sma(self.slow)}

    def acts(self, features: Any, stance: int) -> bool:
        """Return whether the averages disagree with what is held."""
        above: bool = features.fast.total * self.slow > features.slow.total * self.fast
        return above != (stance > 0)

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return an order that ends the disagreement, with the terms that the price names."""
        above = ctx.features.fast.total * self.slow > ctx.features.slow.total * self.fast
        terms = _TERMS if self.rests else _TAKING
        order_type, time_in_force, post_only = terms[ctx.price_ticks % len(terms)]
        if not above and ctx.sellable <= 0:
            return None
        side = Side.BUY if above else Side.SELL
        quantity = self.quantity * (1 + ctx.price_ticks % 3) if above else self._sold(ctx.sellable)
        limit = None
        if order_type is OrderType.LIMIT:
            offset = -5 if post_only == above else 5  # A post-only order waits, the others may take.
            limit = ctx.instrument.price(ctx.price_ticks + offset)
        return Signal(
            side,
            quantity,
            "averages crossed",
            edge_bps=1.0,
            type=order_type,
            limit_price=limit,
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=not above,
        )

    def _sold(self, sellable: Decimal) -> Decimal:
        return sellable if self.sold_at_once is None else min(sellable, self.sold_at_once)
