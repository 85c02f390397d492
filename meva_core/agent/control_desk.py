"""Grant or refuse what an operator asks for. Toward safety is always granted; toward risk needs the current epoch."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, assert_never

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.given_answers import GivenAnswer, GivenAnswers
from meva_core.agent.order_desk import OrderDesk
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.treasury_desk import TreasuryDesk
from meva_core.agent.venue_watch import VenueWatch
from meva_core.events import (
    AlertAcknowledgeRequested,
    CorrectionRequested,
    KillReleaseRequested,
    KillRequested,
    OperatorEvent,
    OrderCancelRequested,
    PauseRequested,
    ResumeRequested,
    RiskBudgetRequested,
    TransferAnswerRequested,
)
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import ControlAnswered
from meva_core.risk.gate import DAILY_LOSS, DRAWDOWN, OPERATOR_PAUSE, SELF_LIFTING, TradingGate
from meva_core.risk.kill_switch import KillSwitchService

_TOWARD_SAFETY: Final = (KillRequested, PauseRequested)


class ControlDesk:
    """Answer operators. *budget_max* is the exposure limit of the configuration: nobody may go beyond it.

    *answers* are those given; a request that is repeated gets the first one again, and changes nothing. A kill or a
    pause is obeyed each time: whoever asks again wants it still, whatever was granted in between.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        gate: TradingGate,
        kill_switch: KillSwitchService,
        account: AccountWatch,
        desk: OrderDesk,
        watch: VenueWatch,
        treasury: TreasuryDesk,
        alerts: AlertService,
        budget_max: Decimal,
    ) -> None:
        self._runtime = runtime
        self._gate = gate
        self._kill_switch = kill_switch
        self._account = account
        self._desk = desk
        self._watch = watch
        self._treasury = treasury
        self._alerts = alerts
        self._budget_max = budget_max
        self.answers = GivenAnswers()

    def handle(self, event: OperatorEvent) -> None:
        """Take one request; its answer goes to the records."""
        known = self.answers.find(event)
        if known is not None:
            if isinstance(event, _TOWARD_SAFETY):
                self._decide(event)
            self._say(event, known.refusal)
            return
        before = self._gate.state.name
        refusal = self._decide(event)
        answer = GivenAnswer(refusal, before, self._gate.state.name, self._gate.epoch)
        self.answers.remember(event, answer)
        self._say(event, refusal)

    def _decide(self, event: OperatorEvent) -> str:
        match event:
            case PauseRequested():
                marker = GateMarker(OPERATOR_PAUSE, Gate.PAUSED, event.reason, event.actor, event.time_ns)
                self._gate.close(marker)
                return ""
            case KillRequested():
                self._kill_switch.activate(event.reason, event.actor, time_ns=event.time_ns)
                return ""
            case ResumeRequested():
                return self._resume(event)
            case KillReleaseRequested():
                return self._release(event)
            case OrderCancelRequested():
                return self._cancel(event)
            case RiskBudgetRequested():
                return self._set_budget(event.new_budget)
            case TransferAnswerRequested():
                return self._treasury.answer(event, equity=self._account.equity)
            case CorrectionRequested():
                return self._treasury.correct(event)
            case AlertAcknowledgeRequested():
                return self._acknowledge(event)
            case _:
                assert_never(event)

    def _say(self, event: OperatorEvent, refusal: str) -> None:
        request = type(event).__name__.removesuffix("Requested")
        self._runtime.outbox.record(
            ControlAnswered, event.time_ns, event.request_id, event.actor, request, refusal
        )
        self._runtime.outbox.decide(
            f"control {request} {event.request_id} {event.actor} {refusal or 'granted'}"
        )

    def _resume(self, event: ResumeRequested) -> str:
        refusal = self._wrong_epoch(event.expected_epoch)
        if refusal:
            return refusal
        if self._gate.state is Gate.KILLED:
            return "killed: release the kill first"
        if self._account.is_breached(DAILY_LOSS):
            return "today's loss limit is still broken; it ends with the day"
        refusal = self._refusal_of_the_venue("resume")
        if refusal:
            return refusal
        for code in [code for code in self._runtime.state.runtime_flags.markers if code not in SELF_LIFTING]:
            self._gate.lift(code, actor=event.actor, reason="resumed", time_ns=event.time_ns)
        return ""

    def _release(self, event: KillReleaseRequested) -> str:
        refusal = self._wrong_epoch(event.expected_epoch)
        refusal = refusal or self._refusal_of_the_venue("release")
        if refusal:
            return refusal
        if self._gate.holds(DRAWDOWN):
            self._account.forgive_drawdown()
        self._kill_switch.deactivate(event.actor, time_ns=event.time_ns)
        return ""

    def _refusal_of_the_venue(self, what: str) -> str:
        """Return why the venue forbids it; it is asked at once, so that a repeated request need not wait long."""
        refusal = self._watch.refusal_to_resume()
        if refusal:
            self._watch.hasten(f"a {what} waits for it")
        return refusal

    def _cancel(self, event: OrderCancelRequested) -> str:
        canceled = self._desk.cancel(event.client_order_id, event.reason, event.time_ns)
        return "" if canceled else f"no order {event.client_order_id} is open"

    def _set_budget(self, budget: Decimal) -> str:
        if not budget.is_finite() or not 0 <= budget <= self._budget_max:
            return f"{budget} is not between 0 and the configured {self._budget_max:f}"
        self._runtime.state.risk_limits.max_portfolio_exposure = budget
        self._runtime.version += 1
        return ""

    def _acknowledge(self, event: AlertAcknowledgeRequested) -> str:
        seen = self._alerts.acknowledge(event.code, event.subject, actor=event.actor)
        return "" if seen else f"no alert {event.code} {event.subject}".rstrip() + " stands"

    def _wrong_epoch(self, expected: int) -> str:
        epoch = self._gate.epoch
        return "" if expected == epoch else f"the gate's epoch is {epoch}, not {expected}: look again"
