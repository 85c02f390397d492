"""Be the person at the controls: ask for what the plan says, repeat what was not answered, and look after a halt."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_adapters.exchange.simulated.faults import Fault, Kind
from meva_adapters.exchange.simulated.simulated_exchange import SimulatedExchange, is_foreign
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.events import (
    Event,
    KillReleaseRequested,
    KillRequested,
    OperatorEvent,
    OrderCancelRequested,
    PauseRequested,
    ResumeRequested,
    TransferSettled,
)
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.state import Gate

_NAME: Final = "ann"
# How long a halt lasts until the person has looked, and how often a refused request is tried again.
_LOOKS_AFTER_NS: Final = 15 * NS_PER_SECOND


class SimulatedOperator:
    """Decide, once a second, what the operator asks for."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._unanswered: dict[str, tuple[type[PauseRequested | KillRequested], int]] = {}
        self._asked = 0
        self._looked_ns = 0
        self._ended = False
        self._adopted = 0
        self._cancels: list[str] = []
        self._transfers: dict[str, tuple[str, Decimal]] = {}

    def plan(self, fault: Fault, now_ns: int, agent: AgentOrchestrator | None) -> None:
        """Take note of what the plan has the operator do now."""
        open_orders = list(agent.state().open_orders) if agent else []
        match fault.kind:
            case Kind.PAUSE:
                self._want(PauseRequested, 1)
            case Kind.KILL:
                self._want(KillRequested, max(1, fault.amount))
            case Kind.CANCEL_ONE:
                self._cancels += open_orders[:1]
            case _:
                self._looked_ns = now_ns - _LOOKS_AFTER_NS  # Tries at once to go on.

    def end(self, now_ns: int) -> None:
        """Stop trading for good: what is open must come to rest."""
        self._ended = True
        self._looked_ns = now_ns
        self._want(PauseRequested, 1)

    def requests(self, now_ns: int, agent: AgentOrchestrator | None) -> list[Event]:
        """Return what is asked for now. A request keeps its id until it is answered."""
        if agent is None:
            return []
        asked: list[Event] = []
        for request_id, (kind, copies) in self._unanswered.items():
            asked += [kind(now_ns, request_id, _NAME, "by the plan")] * copies
        for name in self._cancels:
            self._asked += 1
            asked.append(OrderCancelRequested(now_ns, f"request-{self._asked}", _NAME, name, "by the plan"))
        self._cancels.clear()
        for name, (asset, amount) in self._transfers.items():
            told = TransferSettled(now_ns, name, asset, amount, "traded by hand")
            asked += [told, told]  # People press twice; the money moves once.
        if not asked and now_ns - self._looked_ns >= _LOOKS_AFTER_NS:
            self._looked_ns = now_ns
            self._adopt()
            asked += self._go_on(now_ns, agent)
        return asked

    def on_answer(self, event: Event) -> None:
        """Learn that a request was answered, durably."""
        if isinstance(event, TransferSettled):
            self._transfers.pop(event.transfer_id, None)
        elif isinstance(event, OperatorEvent):
            self._unanswered.pop(event.request_id, None)

    def _want(self, kind: type[PauseRequested | KillRequested], copies: int) -> None:
        self._asked += 1
        self._unanswered[f"request-{self._asked}"] = (kind, copies)

    def _go_on(self, now_ns: int, agent: AgentOrchestrator) -> list[Event]:
        flags = agent.state().runtime_flags
        if flags.gate is Gate.OPEN or self._ended:
            return []
        self._asked += 1
        kind = KillReleaseRequested if flags.gate is Gate.KILLED else ResumeRequested
        return [kind(now_ns, f"request-{self._asked}", _NAME, flags.gate_epoch)]

    def _adopt(self) -> None:
        """Have what other hands traded in the account recorded as transfers, each once."""
        trades = self._exchange.truth.trades
        for _, fill in trades[self._adopted :]:
            if not is_foreign(fill.client_order_id):
                continue
            instrument = self._exchange.engine.market(fill.symbol).instrument
            sign = 1 if fill.side is Side.BUY else -1
            moved = (
                (instrument.base, sign * fill.quantity),
                (instrument.quote, -sign * fill.quantity * fill.price),
                (fill.fee_asset, -fill.fee),
            )
            for number, (asset, amount) in enumerate(moved):
                name = f"adopted-{fill.symbol}-{fill.trade_id}-{number}"
                self._transfers[name] = (asset, amount)
        self._adopted = len(trades)
