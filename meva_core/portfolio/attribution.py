"""Explain a day's change of equity by price, fees, costs and transfers, so that it sums exactly; keep no memory.

Operating costs are paid outside the account: the equity of the account less costs is what changes by all four.
"""

from __future__ import annotations

from decimal import Decimal

from meva_core.errors import InvariantError
from meva_core.model.money import ZERO, exact
from meva_core.model.value import value


@value
class EquityFacts:
    """Hold equity and the sums since the start behind it; *earned* is realised and unrealised together."""

    equity: Decimal = ZERO
    earned: Decimal = ZERO
    fees: Decimal = ZERO
    transfers: Decimal = ZERO


@value
class DayAttribution:
    """Say why a day that began with *opening* ended with *closing*; fees and costs are negative when they cost.

    `opening + price + fees + costs + transfers == closing`, exactly; *closing* has the day's costs taken off.
    """

    opening: Decimal
    price: Decimal
    fees: Decimal
    costs: Decimal
    transfers: Decimal
    closing: Decimal


def attribute(before: EquityFacts, after: EquityFacts, *, costs: Decimal) -> DayAttribution:
    """Return what made the difference; raise `InvariantError` when the parts do not explain all of it."""
    with exact():
        price, fees = after.earned - before.earned, before.fees - after.fees
        transfers = after.transfers - before.transfers
        closing = after.equity - costs
        if before.equity + price + fees + transfers - costs != closing:
            facts = f"{before.equity} + {price} + {fees} + {transfers} - {costs} != {closing}"
            raise InvariantError("a day's change of equity is explained in full", facts)
        return DayAttribution(before.equity, price, fees, -costs, transfers, closing)
