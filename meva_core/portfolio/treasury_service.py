"""Keep what running the agent costs and leaves over, and its transfers; move no money and send nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from meva_core.events import CorrectionRequested
from meva_core.model.money import EXACT, ZERO
from meva_core.model.state import AssetBalance, CanonicalState
from meva_core.portfolio.corrections import COSTS, added_cost, refusal_of_correction
from meva_core.portfolio.ledger_service import RESERVE, SURPLUS
from meva_core.portfolio.surplus import (
    NS_PER_DAY,
    ROLLING_DAYS,
    DaySurplus,
    SurplusReport,
    TransferDecision,
    TreasuryPolicy,
    day_surplus,
    evaluate_transfer,
    rolling_surplus,
)
from meva_core.portfolio.transfer_book import TransferBook
from meva_core.portfolio.valuation_service import ValuationService

# Whoever repeats a transfer or a cost does so within days; the journal keeps every one for ever.
TRANSFERS_KEPT: Final = 10_000
# A day of a clock change is an hour longer or shorter; the oldest of 31 closed days is out all the same.
_WINDOW_NS: Final = ROLLING_DAYS * NS_PER_DAY - 2 * 3_600 * 10**9


class TreasuryService:
    """Write the treasury part of the canonical state."""

    def __init__(self, valuation: ValuationService, policy: TreasuryPolicy) -> None:
        self._valuation = valuation
        self.policy = policy
        self._settled: dict[str, None] = {}
        self._costs: dict[str, None] = {}
        self._corrections: dict[str, None] = {}
        self._days: list[DaySurplus] = []
        self.reserve = ZERO
        self.transfers = TransferBook()

    def settle(self, transfer_id: str) -> bool:
        """Return whether *transfer_id* is new, and remember it: a transfer that is told twice moves money once."""
        return _is_new(self._settled, transfer_id)

    def refusal_of_transfer(self, asset: str, amount: Decimal, *, valued: bool) -> str:
        """Return why money that moved cannot be booked; *valued* says that the account has a value already."""
        refusal = self._valuation.refusal_of(asset, amount)
        if not refusal and valued and not self._valuation.has_price(asset):
            refusal = f"no mark converts {asset} to {self._valuation.reporting_currency}"
        return refusal

    def refusal_of_cost(self, cost_id: str, asset: str, amount: Decimal, mark: Decimal | None = None) -> str:
        """Return why a cost cannot be booked, empty when it can; change nothing."""
        if cost_id in self._costs:
            return booked_already(cost_id)
        if not amount.is_finite():
            return f"{amount} is no amount"
        reporting = self._valuation.reporting_currency
        if mark is None:
            return "" if self._valuation.has_price(asset) else f"no mark converts {asset} to {reporting}"
        if not mark.is_finite() or mark <= 0:
            return f"{mark} is no mark"
        return f"one {asset} is one {asset}, not {mark}" if asset == reporting and mark != 1 else ""

    def record_cost(
        self, cost_id: str, asset: str, amount: Decimal, state: CanonicalState, *, mark: Decimal | None = None
    ) -> Decimal:
        """Add an operating cost to today's, and return it in the reporting currency, at *mark* or the mark of now.

        Ask `refusal_of_cost` first.
        """
        value = EXACT.multiply(amount, self._valuation.price_of(asset) if mark is None else mark)
        _is_new(self._costs, cost_id)
        treasury = state.treasury
        treasury.operating_costs_today = EXACT.add(treasury.operating_costs_today, value)
        return value

    def refusal_of_correction(self, event: CorrectionRequested, state: CanonicalState) -> str:
        """Return why a correction cannot be booked, empty when it can; change nothing."""
        if event.request_id in self._corrections:
            return f"correction {event.request_id} is booked already"
        refusal = refusal_of_correction(
            event.cause,
            amount=event.amount,
            source=event.source,
            target=event.target,
            is_booked=self._is_booked,
        )
        if refusal:
            return refusal
        if COSTS in event.source + event.target:
            known = self._valuation.has_price(event.asset)
            return "" if known else f"no mark converts {event.asset} to {self._valuation.reporting_currency}"
        if event.asset != state.reporting_currency:
            return f"the reserve is kept in {state.reporting_currency}"
        if event.source == RESERVE and event.amount > self.reserve:
            return f"the reserve holds {self.reserve:f}"
        return ""

    def correct(self, event: CorrectionRequested, state: CanonicalState) -> None:
        """Take a correction to today's costs or the reserve. Ask `refusal_of_correction` first."""
        _is_new(self._corrections, event.request_id)
        if SURPLUS in (event.source, event.target):
            moved = event.amount if event.target == RESERVE else -event.amount
            self.reserve = EXACT.add(self.reserve, moved)
            return
        added = added_cost(event.amount, source=event.source, target=event.target)
        value = EXACT.multiply(added, self._valuation.price_of(event.asset))
        treasury = state.treasury
        treasury.operating_costs_today = EXACT.add(treasury.operating_costs_today, value)

    def _is_booked(self, cause: str) -> bool:
        """Return whether a cost or correction is in the books; what is too old to be remembered may be."""
        kind, _, name = cause.partition(":")
        known = self._costs if kind == "cost" else self._corrections
        return name in known or len(known) >= TRANSFERS_KEPT

    def compute_daily_surplus(self, state: CanonicalState, *, closed_ns: int, result: Decimal) -> DaySurplus:
        """Return the surplus of the day that ends at *closed_ns* with *result*, fees included, transfers apart."""
        costs, share = state.treasury.operating_costs_today, self.policy.reserve_share
        return day_surplus(closed_ns, result=result, costs=costs, reserve_share=share)

    def close_day(self, state: CanonicalState, *, closed_ns: int, result: Decimal) -> DaySurplus:
        """Close the day: accrue the reserve, roll the 30 days on, and begin the next day's costs."""
        day = self.compute_daily_surplus(state, closed_ns=closed_ns, result=result)
        self._days = [each for each in self._days if each.closed_ns > closed_ns - _WINDOW_NS]
        self._days.append(day)
        self.reserve = EXACT.add(self.reserve, day.accrual)
        treasury = state.treasury
        treasury.operating_costs_today = ZERO
        treasury.reserve_accrual_today = day.accrual
        treasury.rolling_surplus_30d = rolling_surplus(self._days)
        return day

    def report(self, state: CanonicalState, *, time_ns: int, equity: Decimal, doubt: str) -> SurplusReport:
        """Return what a transfer is judged by now; a day must have been closed."""
        cash = state.balances.get(state.reporting_currency, AssetBalance(state.reporting_currency))
        return SurplusReport(
            time_ns,
            self._days[-1],
            state.treasury.rolling_surplus_30d,
            self.reserve,
            equity,
            EXACT.subtract(cash.total, cash.locked),
            doubt,
            self.transfers.waiting,
            self.transfers.last_approved_ns,
        )

    def evaluate_transfer(self, report: SurplusReport) -> TransferDecision:
        """Return how much may be sent under the policy."""
        return evaluate_transfer(report, self.policy)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values, oldest first."""
        return {
            "settled": list(self._settled),
            "costs": list(self._costs),
            "corrections": list(self._corrections),
            "days": [[day.closed_ns, day.result, day.costs, day.surplus, day.accrual] for day in self._days],
            "reserve": self.reserve,
            "transfers": self.transfers.snapshot(),
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._settled = dict.fromkeys(memory["settled"])
        self._costs = dict.fromkeys(memory["costs"])
        self._corrections = dict.fromkeys(memory.get("corrections", ()))  # Older checkpoints know none.
        self._days = [DaySurplus(*row) for row in memory["days"]]
        self.reserve = memory["reserve"]
        self.transfers.restore(memory["transfers"])


def booked_already(cost_id: str) -> str:
    """Return what is said to whoever tells of a cost again."""
    return f"cost {cost_id} is booked already"


def _is_new(known: dict[str, None], name: str) -> bool:
    """Return whether *name* is new to *known*, and keep it among the last ones."""
    if name in known:
        return False
    known[name] = None
    if len(known) > TRANSFERS_KEPT:
        del known[next(iter(known))]
    return True
