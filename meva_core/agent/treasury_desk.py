"""Take costs, closed days and transfers to the books, protect the principal, and instruct what was approved.

The agent's key cannot withdraw: an approved transfer leaves as one `TransferFunds` instruction, which the operator
executes; `TransferSettled` under its id comes back.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_core.agent.runtime_state import Runtime
from meva_core.commands import AlertLevel, TransferFunds
from meva_core.events import CorrectionRequested, CostRecorded, TransferAnswerRequested, TransferSettled
from meva_core.model.order import OrderStatus
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import ControlAnswered, DayClosed, MoneyBooked
from meva_core.portfolio.attribution import EquityFacts, attribute
from meva_core.portfolio.corrections import correction_entry
from meva_core.portfolio.ledger_service import LedgerEntry, LedgerService, cost_entry, reserve_entry
from meva_core.portfolio.surplus import TransferDecision, is_principal_protected, protected_budget
from meva_core.portfolio.transfer_book import ECHO, TransferStatus
from meva_core.portfolio.treasury_service import TreasuryService
from meva_core.risk.gate import RECONCILING, VENUE_MISMATCH

SURPLUS_NEGATIVE: Final = "surplus_negative"  # Alert 7.
PRINCIPAL_AT_RISK: Final = "principal_at_risk"
TRANSFER_PROPOSED: Final = "transfer_proposed"
COST_REFUSED: Final = "cost_refused"
TRANSFER_REFUSED: Final = "transfer_refused"
OPERATOR: Final = "operator"  # Who gets what is sent: the operator knows where it goes.


class TreasuryDesk:
    """Sequence the treasury. *budget_max* is the exposure limit of the configuration."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        treasury: TreasuryService,
        ledger: LedgerService,
        alerts: AlertService,
        budget_max: Decimal,
    ) -> None:
        self._runtime = runtime
        self._treasury = treasury
        self._ledger = ledger
        self._alerts = alerts
        self._budget_max = budget_max

    def record_cost(self, event: CostRecorded) -> None:
        """Book an operating cost once; one that cannot be booked is refused, and a person told."""
        refusal = self._treasury.refusal_of_cost(event.cost_id, event.asset, event.amount, event.mark)
        self._answer_teller(event.time_ns, event.cost_id, event.actor, "Cost", refusal)
        if refusal:
            self._runtime.outbox.decide(f"cost {event.cost_id} refused: {refusal}")
            self._tell(AlertLevel.MEDIUM, COST_REFUSED, refusal, subject=event.cost_id)
            return
        state = self._runtime.state
        self._treasury.record_cost(event.cost_id, event.asset, event.amount, state, mark=event.mark)
        entry = cost_entry(
            event.time_ns, event.cost_id, category=event.category, asset=event.asset, amount=event.amount
        )
        self.book(entry)
        self._runtime.version += 1

    def book(self, entry: LedgerEntry) -> None:
        """Post *entry*, and say so: the table of postings is written from what is said."""
        self._ledger.post(entry)
        self._runtime.outbox.record(MoneyBooked, entry.time_ns, entry)

    def settle(self, event: TransferSettled, *, valued: bool) -> bool:
        """Return whether *event* is to be booked; a transfer of ours that it settles has come to its end.

        Operator and venue may both tell of the same transfer, each by a name of its own: the second moves nothing.
        """
        name, book = event.transfer_id, self._treasury.transfers
        refusal = self._treasury.refusal_of_transfer(event.asset, event.amount, valued=valued)
        if refusal:
            self._answer_teller(event.time_ns, name, event.actor, "Settlement", refusal)
            self._runtime.outbox.decide(f"transfer {name} refused: {refusal}")
            self._tell(AlertLevel.HIGH, TRANSFER_REFUSED, refusal, subject=name)
            return False
        is_new = self._treasury.settle(name)
        told = (
            book.told(name, asset=event.asset, amount=event.amount, time_ns=event.time_ns) if is_new else ""
        )
        refusal = "" if is_new and told != ECHO else f"transfer {name} is settled already"
        self._answer_teller(event.time_ns, name, event.actor, "Settlement", refusal)
        if told:
            self._runtime.outbox.decide(f"transfer {name} settled {event.asset} {event.amount}: {told}")
        return not refusal

    def correct(self, event: CorrectionRequested) -> str:
        """Post a correction once; return why it is refused."""
        treasury, state = self._treasury, self._runtime.state
        refusal = treasury.refusal_of_correction(event, state)
        if refusal:
            return refusal
        treasury.correct(event, state)
        self.book(
            correction_entry(
                event.time_ns,
                event.request_id,
                event.cause,
                asset=event.asset,
                amount=event.amount,
                source=event.source,
                target=event.target,
            )
        )
        self._runtime.version += 1
        return ""

    def _answer_teller(self, time_ns: int, name: str, actor: str, request: str, refusal: str) -> None:
        """Answer who told of a cost or a transfer; a venue waits for no answer."""
        if actor:
            self._runtime.outbox.record(ControlAnswered, time_ns, name, actor, request, refusal)

    def close_day(self, closed_ns: int, *, before: EquityFacts, after: EquityFacts, result: Decimal) -> None:
        """Close a day with *result*, protect the principal, warn of a deficit, and propose a transfer."""
        runtime, treasury, equity = self._runtime, self._treasury, after.equity
        why = attribute(before, after, costs=runtime.state.treasury.operating_costs_today)
        day = treasury.close_day(runtime.state, closed_ns=closed_ns, result=result)
        rolling = runtime.state.treasury.rolling_surplus_30d
        runtime.outbox.record(DayClosed, runtime.now_ns, day, why, rolling, treasury.reserve)
        if day.accrual:
            asset = runtime.state.reporting_currency
            self.book(reserve_entry(runtime.now_ns, asset=asset, amount=day.accrual))
        if rolling < 0:
            text = f"30 days left {rolling:f}: the agent does not pay for itself"
            self._tell(AlertLevel.MEDIUM, SURPLUS_NEGATIVE, text)
        else:
            self._alerts.clear(SURPLUS_NEGATIVE)
        if not self.watch_principal(equity):
            self._lower_budget(equity)
        self._propose(closed_ns, equity)

    def watch_principal(self, equity: Decimal) -> bool:
        """Return whether the principal is protected; the moment it is not, the risk budget goes down."""
        state = self._runtime.state
        protected = is_principal_protected(equity, state.treasury.principal_baseline)
        if protected is state.treasury.principal_protected:
            return protected
        state.treasury.principal_protected = protected
        self._runtime.version += 1
        if protected:
            self._alerts.clear(PRINCIPAL_AT_RISK)
        else:
            text = f"equity {equity:f} is below the principal {state.treasury.principal_baseline:f}"
            self._tell(AlertLevel.MEDIUM, PRINCIPAL_AT_RISK, text)
            self._lower_budget(equity)
        return protected

    def answer(self, event: TransferAnswerRequested, *, equity: Decimal) -> str:
        """Approve or reject a proposal; return why that is refused. An approval instructs exactly once."""
        book, transfer_id = self._treasury.transfers, event.transfer_id
        if not event.approved:
            return book.move(transfer_id, TransferStatus.REJECTED, event.time_ns)
        transfer = book.find(transfer_id)
        if transfer is None or transfer.status is not TransferStatus.PROPOSED:
            return book.move(transfer_id, TransferStatus.APPROVED, event.time_ns)
        refusal = self._refusal_now(transfer.amount, equity)
        if refusal:
            return refusal
        book.move(transfer_id, TransferStatus.APPROVED, event.time_ns)
        command = TransferFunds(transfer_id, transfer.asset, transfer.amount, OPERATOR)
        self._runtime.outbox.command(
            command, f"transfer {transfer_id} {transfer.asset} {transfer.amount} to {OPERATOR}"
        )
        return ""

    def _refusal_now(self, amount: Decimal, equity: Decimal) -> str:
        """Judge a waiting proposal by the facts of now: what was fair at midnight may not be any more."""
        decision = self._evaluated(equity, waits=True)
        if decision.refusals:
            return "; ".join(decision.refusals)
        return "" if amount <= decision.amount else f"only {decision.amount:f} may be sent now"

    def _evaluated(self, equity: Decimal, *, waits: bool) -> TransferDecision:
        report = self._treasury.report(
            self._runtime.state, time_ns=self._runtime.now_ns, equity=equity, doubt=self._doubt()
        )
        return self._treasury.evaluate_transfer(report.without_pending() if waits else report)

    def _propose(self, closed_ns: int, equity: Decimal) -> None:
        if not self._treasury.policy.max_transfer_share:
            return
        decision, outbox = self._evaluated(equity, waits=False), self._runtime.outbox
        if not decision.is_allowed:
            outbox.decide(f"transfer refused: {'; '.join(decision.refusals)}")
            return
        asset, name = self._runtime.state.reporting_currency, f"surplus-{closed_ns}"
        self._treasury.transfers.propose(name, asset=asset, amount=decision.amount, time_ns=closed_ns)
        outbox.decide(f"transfer {name} proposed {asset} {decision.amount}")
        text = f"transfer {name} of {decision.amount:f} {asset} waits for an operator's answer"
        self._tell(AlertLevel.INFO, TRANSFER_PROPOSED, text, subject=name)

    def _doubt(self) -> str:
        """Return why the books may not be the whole truth, empty when nothing says so."""
        state = self._runtime.state
        unknown = sum(order.status is OrderStatus.UNKNOWN for order in state.open_orders.values())
        if unknown:
            return f"{unknown} orders have an unknown outcome"
        markers = state.runtime_flags.markers
        if RECONCILING in markers or VENUE_MISMATCH in markers:
            return "books and venue have not been found equal"
        return ""

    def _lower_budget(self, equity: Decimal) -> None:
        state = self._runtime.state
        limits, baseline = state.risk_limits, state.treasury.principal_baseline
        before = limits.max_portfolio_exposure
        limits.max_portfolio_exposure = protected_budget(
            before, configured=self._budget_max, equity=equity, baseline=baseline
        )
        if limits.max_portfolio_exposure != before:
            self._runtime.version += 1
            self._runtime.outbox.decide(f"budget {limits.max_portfolio_exposure} {PRINCIPAL_AT_RISK}")

    def _tell(self, level: AlertLevel, code: str, text: str, *, subject: str = "") -> None:
        now_ns = self._runtime.now_ns
        alert = self._alerts.trigger(level, code, text, time_ns=now_ns, subject=subject)
        self._runtime.outbox.alert(alert, now_ns)
