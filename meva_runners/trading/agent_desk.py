"""Let an operator's wish take the way of every event: decided, journaled, durable, and only then answered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve

from meva_core.agent.health import health_of
from meva_core.agent.operator_view import OperatorView
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.config.schema import AppConfig
from meva_core.events import (
    AlertAcknowledgeRequested,
    CorrectionRequested,
    CostRecorded,
    Event,
    KillReleaseRequested,
    KillRequested,
    OperatorEvent,
    PauseRequested,
    ResumeRequested,
    RiskBudgetRequested,
    TransferAnswerRequested,
    TransferSettled,
)
from meva_core.model.market import NS_PER_MS
from meva_core.ops.log_records import ControlAnswered
from meva_core.ports.controls import NO_VENUE, ControlAnswer, DecisionPage, FigureView, StatusView, VenueView
from meva_runners.trading.look_back import LookBack

# An operator repeats within minutes; beyond so many requests the oldest answer is forgotten.
ANSWERS_KEPT: Final = 10_000

Request = OperatorEvent | CostRecorded | TransferSettled
Handle = Callable[[Request], Awaitable[None]]


class AgentDesk:
    """Be the operator's desk of one agent, on the agent's own loop. Make `observe` an observer of the agent.

    *handle* has the agent decide on a request at once, and returns what to wait for until that is durable. *figures*
    gives the measures of health that the runner alone knows, *venue* how much may be asked there and how it answers.
    """

    def __init__(
        self,
        agent: AgentOrchestrator,
        view: OperatorView,
        look_back: LookBack,
        config: AppConfig,
        *,
        now_ns: Callable[[], int],
        handle: Handle,
        figures: Callable[[], Sequence[FigureView]] = tuple,
        venue: Callable[[], VenueView] = lambda: NO_VENUE,
    ) -> None:
        self._agent = agent
        self._view = view
        self._look_back = look_back
        self._config = config
        self._now_ns = now_ns
        self._handle = handle
        self._figures = figures
        self._venue = venue
        self._answers: OrderedDict[tuple[type, str], asyncio.Future[ControlAnswer]] = OrderedDict()
        self._asking = ""
        self._given: ControlAnswer | None = None
        self.heartbeat_ns = now_ns()

    def observe(self, event: Event, outcome: Outcome) -> None:
        """Take note of one event and what followed from it."""
        self._view.on_outcome(event, outcome)
        for record in outcome.records:
            if isinstance(record, ControlAnswered) and record.request_id == self._asking:
                self._take(record)

    def beat(self) -> None:
        """Say that the main loop lives."""
        self.heartbeat_ns = self._now_ns()

    async def pause(self, request_id: str, *, actor: str, reason: str) -> ControlAnswer:
        """Send no new orders from now on."""
        return await self._ask(PauseRequested(self._now_ns(), request_id, actor, reason))

    async def kill(self, request_id: str, *, actor: str, reason: str) -> ControlAnswer:
        """Send nothing more and cancel every order of ours."""
        return await self._ask(KillRequested(self._now_ns(), request_id, actor, reason))

    async def resume(self, request_id: str, *, actor: str, reason: str, expected_epoch: int) -> ControlAnswer:
        """Trade again after a pause."""
        who = _with_reason(actor, reason)
        return await self._ask(ResumeRequested(self._now_ns(), request_id, who, expected_epoch))

    async def release(
        self, request_id: str, *, actor: str, reason: str, expected_epoch: int
    ) -> ControlAnswer:
        """Lift a kill."""
        who = _with_reason(actor, reason)
        return await self._ask(KillReleaseRequested(self._now_ns(), request_id, who, expected_epoch))

    async def set_budget(self, request_id: str, *, actor: str, reason: str, budget: Decimal) -> ControlAnswer:
        """Set the portfolio exposure limit; the configured one is the most."""
        who = _with_reason(actor, reason)
        return await self._ask(RiskBudgetRequested(self._now_ns(), request_id, who, budget))

    async def acknowledge(
        self, request_id: str, *, actor: str, reason: str, code: str, subject: str
    ) -> ControlAnswer:
        """Say that the standing alert *code* of *subject* is seen, so that it is not repeated."""
        return await self._ask(
            AlertAcknowledgeRequested(self._now_ns(), request_id, actor, code, subject, reason)
        )

    async def record_cost(
        self,
        cost_id: str,
        *,
        actor: str,
        reason: str,
        category: str,
        asset: str,
        amount: Decimal,
        mark: Decimal | None,
    ) -> ControlAnswer:
        """Book an operating cost under *cost_id*, once."""
        return await self._tell(
            CostRecorded(self._now_ns(), cost_id, category, asset, amount, reason, actor, mark), cost_id
        )

    async def answer_transfer(
        self, request_id: str, *, actor: str, reason: str, transfer_id: str, approved: bool
    ) -> ControlAnswer:
        """Approve or reject a transfer that the agent proposed."""
        return await self._ask(
            TransferAnswerRequested(self._now_ns(), request_id, actor, transfer_id, approved, reason)
        )

    async def settle_transfer(
        self, transfer_id: str, *, actor: str, reason: str, asset: str, amount: Decimal
    ) -> ControlAnswer:
        """Tell that money left or entered the account."""
        return await self._tell(
            TransferSettled(self._now_ns(), transfer_id, asset, amount, reason, actor), transfer_id
        )

    async def correct(
        self,
        request_id: str,
        *,
        actor: str,
        reason: str,
        cause: str,
        asset: str,
        amount: Decimal,
        source: str,
        target: str,
    ) -> ControlAnswer:
        """Post a correction of what *cause* booked."""
        return await self._ask(
            CorrectionRequested(
                self._now_ns(), request_id, actor, cause, asset, amount, source, target, reason
            )
        )

    def status(self) -> StatusView:
        """Return how everything stands."""
        agent, now_ns = self._agent, self._now_ns()
        age_max = self._config.risk.max_data_age_ms * NS_PER_MS
        health = health_of(agent.state(), agent.services.market_data, now_ns=now_ns, data_age_ns_max=age_max)
        return self._view.status(
            health,
            now_ns=now_ns,
            heartbeat_ns=self.heartbeat_ns,
            figures=self._figures(),
            venue=self._venue(),
        )

    async def decisions(self, *, before: int, limit: int, kind: str) -> DecisionPage:
        """Return the last *limit* decisions of *kind* before event *before*."""
        return await self._look_back.decisions(before=before, limit=limit, kind=kind)

    async def why(self, client_order_id: str, *, after: int, limit: int) -> DecisionPage | None:
        """Return what led to an order and what became of it, from events after *after*."""
        return await self._look_back.why(client_order_id, after=after, limit=limit)

    def _take(self, record: ControlAnswered) -> None:
        flags = self._agent.state().runtime_flags
        gate = flags.gate.name
        self._given = ControlAnswer(record.request_id, record.refusal, gate, gate, flags.gate_epoch)

    async def _ask(self, event: OperatorEvent) -> ControlAnswer:
        known = self._agent.answer_to(event)
        if known is not None and (type(event), event.request_id) not in self._answers:
            # It was given by an earlier process, and is durable since.
            return ControlAnswer(
                event.request_id, known.refusal, known.gate_before, known.gate_after, known.gate_epoch
            )
        return await self._tell(event, event.request_id)

    async def _tell(self, event: Request, name: str) -> ControlAnswer:
        """Have *event* handled in this step, and return its answer when it is durable, to whoever asks again too.

        A cost or transfer that was refused may be told again: the refusal may be over, by a mark that has come.
        """
        key = (type(event), name)
        answer = self._answers.get(key)
        if answer is None:
            before = self._agent.state().runtime_flags.gate.name
            self._asking, self._given = name, None
            durable = self._handle(event)
            assert self._given is not None, "every request is answered when it is handled"
            answer = asyncio.ensure_future(_kept(durable, evolve(self._given, gate_before=before)))
            if not (self._given.refusal and isinstance(event, CostRecorded | TransferSettled)):
                self._answers[key] = answer
            if len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
        return await asyncio.shield(answer)


async def _kept(durable: Awaitable[None], answer: ControlAnswer) -> ControlAnswer:
    await durable
    return answer


def _with_reason(actor: str, reason: str) -> str:
    """Return who asked and why, for the events that have one field for both."""
    return f"{actor}: {reason}"
