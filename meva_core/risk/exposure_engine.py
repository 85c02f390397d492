"""Measure the worst case that positions and orders allow: open and unknown orders count as filled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.state import CanonicalState, Position
from meva_core.model.value import value


@value
class OpenQuantities:
    """Hold what one symbol holds, and what its open orders could still buy and sell, in the base asset."""

    held: Decimal
    buys: Decimal
    sells: Decimal

    @property
    def reach(self) -> tuple[Decimal, Decimal]:
        """Return how far (long, short) the position could come; negative on a side that it cannot come to."""
        return self.held + self.buys, self.sells - self.held

    def worst_case(self, side: Side | None = None, quantity: Decimal = ZERO) -> Decimal:
        """Return the largest |position| that fills could lead to, with one more order if a *side* is given."""
        long, short = self.reach
        if side is Side.BUY:
            long += quantity
        elif side is not None:
            short += quantity
        return max(ZERO, short, long)


class ExposureEngine:
    """Compute worst-case exposure from the canonical state. Call its methods inside `exact()`."""

    def reach(self, state: CanonicalState, symbol: str) -> tuple[Decimal, Decimal]:
        """Return how far (long, short) the position of *symbol* could come, see `OpenQuantities`."""
        if state.open_orders:
            return self.open_quantities(state, symbol).reach
        position = state.positions.get(symbol)
        if position is None:
            return ZERO, ZERO
        held = position.quantity
        return held + ZERO, ZERO - held

    def open_quantities(self, state: CanonicalState, symbol: str) -> OpenQuantities:
        """Return what *symbol* holds and has on order."""
        position = state.positions.get(symbol)
        held = ZERO if position is None else position.quantity
        buys = sells = ZERO
        for record in state.open_orders.values():
            if record.request.symbol == symbol:
                if record.request.side is Side.BUY:
                    buys += record.open_quantity
                else:
                    sells += record.open_quantity
        return OpenQuantities(held, buys, sells)

    def portfolio(
        self, state: CanonicalState, price_of: Callable[[str], Decimal], *, without: str = ""
    ) -> Decimal:
        """Return the sum over all symbols but *without* of worst-case quantity times price.

        *price_of* tells what one unit of a symbol's base is worth in the reporting currency, which is also the
        unit of the sum.
        """
        if not state.open_orders:
            return self._held(state.positions, price_of, without)
        symbols = set(state.positions)
        symbols.update([record.request.symbol for record in state.open_orders.values()])
        symbols.discard(without)
        total = ZERO
        for symbol in sorted(symbols):
            quantity = self.open_quantities(state, symbol).worst_case()
            if quantity:
                total += quantity * price_of(symbol)
        return total

    def _held(
        self, positions: dict[str, Position], price_of: Callable[[str], Decimal], without: str
    ) -> Decimal:
        """Return the same sum where no order is open."""
        total = ZERO
        for symbol in sorted(positions):
            held = positions[symbol].quantity
            if held and symbol != without:
                total += max(ZERO - held, held + ZERO) * price_of(symbol)
        return total
