"""Keep what running the agent costs, in the reporting currency; move no money."""

from __future__ import annotations

from decimal import Decimal

from meva_core.model.money import EXACT, ZERO
from meva_core.model.state import CanonicalState
from meva_core.portfolio.valuation_service import ValuationService


class TreasuryService:
    """Write the treasury part of the canonical state."""

    def __init__(self, valuation: ValuationService) -> None:
        self._valuation = valuation

    def record_cost(self, asset: str, amount: Decimal, state: CanonicalState) -> Decimal:
        """Add an operating cost to today's, and return it in the reporting currency."""
        value = EXACT.multiply(amount, self._valuation.price_of(asset))
        treasury = state.treasury
        treasury.operating_costs_today = EXACT.add(treasury.operating_costs_today, value)
        return value

    def roll_day(self, state: CanonicalState) -> None:
        """Begin a new day."""
        state.treasury.operating_costs_today = ZERO
        state.treasury.reserve_accrual_today = ZERO
