"""Measure the worst case that positions and orders allow: open and unknown orders count as filled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.order import TradeIntent
from meva_core.model.state import CanonicalState
from meva_core.model.value import value


@value
class WorstCase:
    """Hold the largest |quantity| that fills of the open orders could lead to, in the base asset."""

    long: Decimal
    short: Decimal

    @property
    def quantity(self) -> Decimal:
        """Return the larger magnitude of both directions."""
        return max(self.long, self.short)


class ExposureEngine:
    """Compute worst-case exposure from the canonical state. Call its methods inside `exact()`."""

    def worst_case(self, state: CanonicalState, symbol: str, intent: TradeIntent | None = None) -> WorstCase:
        """Return the worst case of *symbol*, with *intent* added as if it were open."""
        position = state.positions.get(symbol)
        held = position.quantity if position is not None else ZERO
        buys = sells = ZERO
        for record in state.open_orders.values():
            if record.request.symbol == symbol:
                if record.request.side is Side.BUY:
                    buys += record.open_quantity
                else:
                    sells += record.open_quantity
        if intent is not None:
            if intent.side is Side.BUY:
                buys += intent.quantity
            else:
                sells += intent.quantity
        return WorstCase(max(held + buys, ZERO), max(sells - held, ZERO))

    def portfolio(
        self, state: CanonicalState, price_of: Callable[[str], Decimal], *, without: str = ""
    ) -> Decimal:
        """Return the sum over all symbols but *without* of worst-case quantity times price.

        *price_of* tells what one unit of a symbol's base is worth in the reporting currency, which is also the
        unit of the sum.
        """
        symbols = set(state.positions)
        symbols.update(record.request.symbol for record in state.open_orders.values())
        symbols.discard(without)
        total = ZERO
        for symbol in sorted(symbols):
            quantity = self.worst_case(state, symbol).quantity
            if quantity:
                total += quantity * price_of(symbol)
        return total
