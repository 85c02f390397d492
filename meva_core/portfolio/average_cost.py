"""Split what an inventory cost when part of it goes, so that nothing is lost to rounding."""

from __future__ import annotations

from decimal import Decimal

from attrs import define

from meva_core.model.money import ZERO, divide_down

# Costs are split on a grid this fine; the share that stays keeps the remainder, so sums are exact.
COST_STEP = Decimal("1E-18")


@define
class Inventory:
    """Hold a signed quantity and what it cost in total, by average cost. Negative quantities were sold short."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO

    def change(self, quantity: Decimal, value: Decimal) -> tuple[Decimal, Decimal]:
        """Take *quantity* (signed) in or out for *value* (same sign), and return (realized, closed quantity).

        What extends the inventory adds to its cost; what reduces it realises value against the average
        cost; what crosses zero does both. Call it inside `exact()`.
        """
        held = self.quantity
        if held * quantity >= ZERO:
            self.quantity = held + quantity
            self.cost += value
            return ZERO, ZERO
        if abs(quantity) <= abs(held):
            cost_out = -divide_down(self.cost * quantity, held, COST_STEP) if quantity != -held else self.cost
            self.quantity = held + quantity
            self.cost -= cost_out
            return -value - cost_out, abs(quantity)
        closing_value = divide_down(value * -held, quantity, COST_STEP)
        realized = -closing_value - self.cost
        self.quantity = held + quantity
        self.cost = value - closing_value
        return realized, abs(held)
