"""Split what an inventory cost when part of it goes, so that nothing is lost to rounding."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Protocol

from attrs import define

from meva_core.model.money import ZERO, divide_down

# Costs are split on a grid this fine; the share that stays keeps the remainder, so sums are exact.
COST_STEP = Decimal("1E-18")

_NOTHING: Final = (ZERO, ZERO)


class HasCost(Protocol):
    """Hold a signed quantity and what it cost in total. Negative quantities were sold short."""

    quantity: Decimal
    cost: Decimal


@define
class Inventory:
    """Hold a signed quantity and what it cost in total, by average cost."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO


def change(item: HasCost, quantity: Decimal, value: Decimal) -> tuple[Decimal, Decimal]:
    """Take *quantity* (signed) in or out of *item* for *value* (same sign); return (realized, closed quantity).

    What extends it adds to its cost; what reduces it realises value against the average cost; what crosses zero
    does both. Call it inside `exact()`.
    """
    held, cost = item.quantity, item.cost
    left = held + quantity
    if held and not left:  # All of it goes: nothing is to be split.
        item.quantity, item.cost = left, ZERO
        return -value - cost, abs(quantity)
    if not held or (held > ZERO) == (quantity > ZERO):
        item.quantity, item.cost = left, cost + value
        return _NOTHING
    if (left > ZERO) == (held > ZERO):
        cost_out = -divide_down(cost * quantity, held, COST_STEP)
        item.quantity, item.cost = left, cost - cost_out
        return -value - cost_out, abs(quantity)
    closing_value = divide_down(value * -held, quantity, COST_STEP)
    item.quantity, item.cost = left, value - closing_value
    return -closing_value - cost, abs(held)
