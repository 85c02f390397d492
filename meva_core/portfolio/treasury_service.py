"""Keep what running the agent costs, in the reporting currency; move no money."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_core.model.money import EXACT, ZERO
from meva_core.model.state import CanonicalState
from meva_core.portfolio.valuation_service import ValuationService

# Whoever repeats a transfer does so within days; the journal keeps every one for ever.
TRANSFERS_KEPT: Final = 1_000


class TreasuryService:
    """Write the treasury part of the canonical state."""

    def __init__(self, valuation: ValuationService) -> None:
        self._valuation = valuation
        self._settled: dict[str, None] = {}

    def settle(self, transfer_id: str) -> bool:
        """Return whether *transfer_id* is new, and remember it: a transfer that is told twice moves money once."""
        if transfer_id in self._settled:
            return False
        self._settled[transfer_id] = None
        if len(self._settled) > TRANSFERS_KEPT:
            del self._settled[next(iter(self._settled))]
        return True

    def snapshot(self) -> list[str]:
        """Return the transfers that are remembered, oldest first."""
        return list(self._settled)

    def restore(self, memory: list[str]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._settled = dict.fromkeys(memory)

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
