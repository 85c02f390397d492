"""Seed bugs into a running copy of the program, one at a time; each must be found by the simulator.

A mutant is applied to live classes for the time of one run and never exists in a shipped file. Each is a mistake that
somebody has made, or would: the comment of its row says which rule it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from attrs import evolve

from meva_adapters.storage.memory import MemorySession
from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.connection_desk import ConnectionDesk
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.order_desk import OrderDesk
from meva_core.agent.venue_watch import VenueWatch
from meva_core.commands import CancelAllOrders, PlaceOrder
from meva_core.data.market_data_service import Market
from meva_core.events import OrderOutcomeUnknown, OrderRejected
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.execution.order_lifecycle import TERMINAL
from meva_core.execution.order_service import OrderService
from meva_core.execution.reconcile_service import ReconcileService
from meva_core.execution.unsettled_orders import FenceSettings, UnsettledOrders
from meva_core.model.order import OrderStatus
from meva_core.model.state import Gate, GateMarker
from meva_core.portfolio.pnl_service import PnLService
from meva_core.portfolio.treasury_service import TreasuryService
from meva_core.risk.gate import TradingGate
from meva_core.risk.kill_switch import KillSwitchService
from meva_core.risk.order_rate import OrderRate
from meva_core.risk.policy_service import RiskPolicyService
from meva_runners.commit_then_act import COMMIT, CommittingAgent
from meva_runners.simulation import world

Mutant = Callable[[], Any]


def method(owner: type, name: str, make: Callable[[Any], Any]) -> Mutant:
    """Return a mutant that replaces a method by what *make* makes of it."""
    return lambda: patch.object(owner, name, make(getattr(owner, name)))


def returning(value: Any) -> Callable[[Any], Any]:
    """Replace a method by one that always returns *value*."""
    return lambda _original: lambda *_args, **_kwargs: value


def _persist_after_send(_original: Any) -> Any:
    def handle(self: CommittingAgent, event: Any) -> Iterator[Any]:
        outcome = self._decide(event)
        yield from outcome.commands
        yield COMMIT

    return handle


def _never_persist(_original: Any) -> Any:
    def handle(self: CommittingAgent, event: Any) -> Iterator[Any]:
        yield from self._decide(event).commands

    return handle


def _gate_asked_before_commit(_original: Any) -> Any:
    def handle(self: CommittingAgent, event: Any) -> Iterator[Any]:
        outcome = self._decide(event)
        orders = [each for each in outcome.commands if isinstance(each, PlaceOrder)]
        yield from (each for each in outcome.commands if not isinstance(each, PlaceOrder))
        yield COMMIT
        yield from orders

    return handle


def _resend_on_timeout(original: Any) -> Any:
    def handle(self: CommittingAgent, event: Any) -> Iterator[Any]:
        sent = self.__dict__.setdefault("sent", {})
        for step in original(self, event):
            if isinstance(step, PlaceOrder):
                sent[step.request.client_order_id] = step
            yield step
        if isinstance(event, OrderOutcomeUnknown) and event.client_order_id in sent:
            yield sent[event.client_order_id]

    return handle


def _epoch_not_asked(_original: Any) -> Any:
    def permits(_self: Any, approved: Any, now_ns: int) -> bool:
        return now_ns <= approved.intent.expires_ns

    return permits


def _age_not_asked(_original: Any) -> Any:
    def permits(self: AgentOrchestrator, approved: Any, _now_ns: int) -> bool:
        return bool(approved.gate_epoch == self._runtime.state.runtime_flags.gate_epoch)

    return permits


def _no_fence(_original: Any) -> Any:
    def not_found(self: UnsettledOrders, client_order_id: str, _venue_time_ns: int) -> bool:
        return client_order_id in {order.client_order_id for order in self}

    return not_found


def _no_lag_bound(_original: Any) -> Any:
    return lambda self, stamp_ns: stamp_ns + self.window_ns


def _no_window(_original: Any) -> Any:
    return lambda _self, stamp_ns: stamp_ns


def _timeout_is_rejection(original: Any) -> Any:
    def apply(self: OrderService, answer: Any) -> Any:
        if isinstance(answer, OrderOutcomeUnknown):
            answer = OrderRejected(answer.time_ns, answer.client_order_id, "timeout", "no answer")
        return original(self, answer)

    return apply


def _known_elsewhere(_original: Any) -> Any:
    def is_booked(self: OrderService, fill: Any) -> bool:
        return any(fill.trade_id == trade for trades in self._trades.values() for _, trade in trades)

    return is_booked


def _first_fill_is_all(original: Any) -> Any:
    def apply_fill(self: OrderService, fill: Any, time_ns: int) -> Any:
        record = original(self, fill, time_ns)
        if record is not None and record.status is OrderStatus.PARTIALLY_FILLED:
            record.status = OrderStatus.FILLED
            self._end(record)
        return record

    return apply_fill


def _fills_unknown(original: Any) -> Any:
    def apply_fill(self: OrderService, fill: Any, time_ns: int) -> Any:
        self._trades.pop(fill.client_order_id, None)
        return original(self, fill, time_ns)

    return apply_fill


def _late_fills_dropped(original: Any) -> Any:
    def apply_fill(self: OrderService, fill: Any, time_ns: int) -> Any:
        record = self.find(fill.client_order_id)
        return None if record is not None and record.status in TERMINAL else original(self, fill, time_ns)

    return apply_fill


def _restart_rejects(_original: Any) -> Any:
    def presume_unknown(self: OrderService, time_ns: int) -> list[Any]:
        for record in list(self._state.open_orders.values()):
            if record.status is OrderStatus.SUBMITTED:
                self.apply(OrderRejected(time_ns, record.request.client_order_id, "restart", "not answered"))
        return []

    return presume_unknown


def _nothing_released(original: Any) -> Any:
    def end(self: OrderService, record: Any) -> None:
        locked = self._state.balances[record.reserve_asset].locked
        original(self, record)
        self._state.balances[record.reserve_asset].locked = locked

    return end


def _named_modulo(original: Any) -> Any:
    def name(self: ClientOrderIds, intent: Any) -> str:
        return str(original(self, evolve(intent, decision=intent.decision % 16)))

    return name


def _fees_forgotten(original: Any) -> Any:
    return lambda self, fill, state: original(self, evolve(fill, fee=Decimal(0)), state)


def _fees_rounded(original: Any) -> Any:
    return lambda self, fill, state: original(self, evolve(fill, fee=round(fill.fee, 4)), state)


def _missing_is_canceled(original: Any) -> Any:
    def search(self: VenueWatch, client_order_id: str) -> None:
        record = self._orders.find(client_order_id)
        if record is not None and record.status is OrderStatus.ACCEPTED:
            record.status = OrderStatus.CANCELED
            record.evidence = "not among the open orders"
            self._orders._end(record)
            self._desk.say_changed(record)
            return
        original(self, client_order_id)

    return search


def _balances_adopted(original: Any) -> Any:
    def reconcile(self: ReconcileService, state: Any, report: Any) -> Any:
        found = original(self, state, report)
        for asset, free, locked in report.balances:
            if asset in state.balances:
                state.balances[asset].total = free + locked
        return evolve(found, differences=())

    return reconcile


def _cancels_not_repeated(original: Any) -> Any:
    def on_timer(self: VenueWatch, time_ns: int) -> None:
        outbox = self._runtime.outbox
        original(self, time_ns)
        others = [each for each in outbox._commands if not isinstance(each, CancelAllOrders)]
        outbox._commands = tuple(others)

    return on_timer


def _timers_pile_up(original: Any) -> Any:
    def on_timer(self: VenueWatch, time_ns: int) -> None:
        self._timer_ns = 0
        original(self, time_ns)

    return on_timer


def _first_cancel_is_enough(_original: Any) -> Any:
    def refusal(self: VenueWatch) -> str:
        return ""

    return refusal


def _kill_again_changes(original: Any) -> Any:
    def activate(self: KillSwitchService, reason: str, actor: str, *, time_ns: int) -> bool:
        self._gate._flags.markers.pop("kill_switch", None)
        return bool(original(self, reason, actor, time_ns=time_ns))

    return activate


def _gate_forgotten(original: Any) -> Any:
    def restore(self: AgentOrchestrator, checkpoint: Mapping[str, Any]) -> None:
        original(self, checkpoint)
        flags = self._runtime.state.runtime_flags
        flags.markers.clear()
        flags.gate = Gate.OPEN

    return restore


def _pause_is_soft(original: Any) -> Any:
    def close(self: TradingGate, marker: GateMarker) -> bool:
        if marker.code == "operator_pause":
            return False
        return bool(original(self, marker))

    return close


def _trades_forgotten(original: Any) -> Any:
    def restore(self: OrderService, memory: dict[str, Any]) -> None:
        original(self, memory | {"trades": {}})

    return restore


def _commit_is_lazy(original: Any) -> Any:
    def commit(self: MemorySession) -> None:
        last = self._pending.pop() if self._pending else None
        original(self)
        if last is not None:
            self._pending.append(last)

    return commit


def _acks_not_journaled(original: Any) -> Any:
    def recover(session: Any, compose: Any) -> Any:
        agent = compose(None)
        for entry in session.entries():
            if type(entry.event).__name__ != "OrderAcknowledged":
                agent.handle(entry.event)
        return agent

    return recover


def _peak_forgotten(original: Any) -> Any:
    def restore(self: AccountWatch, memory: dict[str, Any]) -> None:
        original(self, memory)
        self._guard.anchors.peak = self._guard.anchors.equity

    return restore


def _offered_early(original: Any) -> Any:
    """Let the mark move before the loss guard sees it: equity of yesterday's prices."""

    def mark(self: AccountWatch) -> None:
        if self.started and self._runtime.sequence % 2:
            return
        original(self)

    return mark


def _limits_doubled(original: Any) -> Any:
    def validate(self: RiskPolicyService, intent: Any, state: Any) -> Any:
        limits = state.risk_limits
        kept = limits.max_notional_per_trade
        limits.max_notional_per_trade = kept * 2
        try:
            return original(self, intent, state)
        finally:
            limits.max_notional_per_trade = kept

    return validate


def _orders_unlimited(original: Any) -> Any:
    def validate(self: RiskPolicyService, intent: Any, state: Any) -> Any:
        limits = state.risk_limits
        kept = limits.max_open_orders
        limits.max_open_orders = 1_000
        try:
            return original(self, intent, state)
        finally:
            limits.max_open_orders = kept

    return validate


def _exposure_unlimited(original: Any) -> Any:
    def validate(self: RiskPolicyService, intent: Any, state: Any) -> Any:
        limits = state.risk_limits
        kept = limits.max_portfolio_exposure
        limits.max_portfolio_exposure = kept * 10
        try:
            return original(self, intent, state)
        finally:
            limits.max_portfolio_exposure = kept

    return validate


def _unknown_ignored(original: Any) -> Any:
    def validate(self: RiskPolicyService, intent: Any, state: Any) -> Any:
        unknown = [each for each in state.open_orders.values() if each.status is OrderStatus.UNKNOWN]
        for record in unknown:
            record.status = OrderStatus.ACCEPTED
        try:
            return original(self, intent, state)
        finally:
            for record in unknown:
                record.status = OrderStatus.UNKNOWN

    return validate


def _open_orders_uncounted(original: Any) -> Any:
    def validate(self: RiskPolicyService, intent: Any, state: Any) -> Any:
        kept = dict(state.open_orders)
        state.open_orders.clear()
        try:
            return original(self, intent, state)
        finally:
            state.open_orders.update(kept)

    return validate


def _gate_ignored(original: Any) -> Any:
    def validate(self: RiskPolicyService, intent: Any, state: Any) -> Any:
        flags = state.runtime_flags
        kept = flags.gate
        flags.gate = Gate.OPEN
        try:
            return original(self, intent, state)
        finally:
            flags.gate = kept

    return validate


def _strangers_canceled_too(original: Any) -> Any:
    """Take every fill for one of ours."""

    def book(self: OrderDesk, fill: Any, time_ns: int) -> None:
        original(self, fill, time_ns)
        self._orders._trades.clear()

    return book


MUTANTS: dict[str, Mutant] = {
    # S2, E1: an order leaves before its cause is durable, or its cause never is.
    "persist after send": method(CommittingAgent, "handle", _persist_after_send),
    "never persist before send": method(CommittingAgent, "handle", _never_persist),
    "commit leaves the newest event for later": method(MemorySession, "commit", _commit_is_lazy),
    # S3, S6: an order is sent again.
    "resend on timeout": method(CommittingAgent, "handle", _resend_on_timeout),
    # I12, I18: the gate, or the age, is not asked when the order is handed over.
    "gate asked before the commit": method(CommittingAgent, "handle", _gate_asked_before_commit),
    "epoch not asked at hand-over": method(AgentOrchestrator, "permits", _epoch_not_asked),
    "age not asked at hand-over": method(AgentOrchestrator, "permits", _age_not_asked),
    "gate not asked by risk nor at hand-over": lambda: _both(
        method(RiskPolicyService, "validate_intent", _gate_ignored),
        method(AgentOrchestrator, "permits", returning(value=True)),
    ),
    # S4: silence is taken for proof too early.
    "no fence": method(UnsettledOrders, "not_found", _no_fence),
    "no lag bound": method(FenceSettings, "fence_ns", _no_lag_bound),
    "no window": method(FenceSettings, "fence_ns", _no_window),
    "a timeout is a rejection": method(OrderService, "apply", _timeout_is_rejection),
    "an order missing in the list is canceled": method(VenueWatch, "_search", _missing_is_canceled),
    # S5: risk is added while an outcome is unknown.
    "unknown orders ignored by risk": method(RiskPolicyService, "validate_intent", _unknown_ignored),
    "open orders not counted in exposure": method(
        RiskPolicyService, "validate_intent", _open_orders_uncounted
    ),
    # I5: orders are lost.
    "restart forgets what was under way": method(OrderService, "presume_unknown", returning([])),
    "restart rejects what was under way": method(OrderService, "presume_unknown", _restart_rejects),
    "nobody searches for unknown orders": method(VenueWatch, "_search", returning(None)),
    # I7, I8: fills.
    "fills are not recognised again": method(OrderService, "apply_fill", _fills_unknown),
    "fill key without symbol": method(OrderService, "is_booked", _known_elsewhere),
    "booked fills forgotten at restart": method(OrderService, "restore", _trades_forgotten),
    "the first fill ends the order": method(OrderService, "apply_fill", _first_fill_is_all),
    "late fills are dropped": method(OrderService, "apply_fill", _late_fills_dropped),
    "booked fills forgotten at every fill": method(OrderDesk, "book", _strangers_canceled_too),
    # I2: names.
    "client order ids repeat": method(ClientOrderIds, "name", _named_modulo),
    # I9, I10: money.
    "fees are forgotten": method(PnLService, "update_from_fill", _fees_forgotten),
    "fees are rounded": method(PnLService, "update_from_fill", _fees_rounded),
    "reservations are not released": method(OrderService, "_end", _nothing_released),
    "differences are written into the balances": method(ReconcileService, "reconcile", _balances_adopted),
    "a transfer told twice moves money twice": method(TreasuryService, "settle", returning(value=True)),
    # I13, I14: kill and pause.
    "cancel-all is not repeated": method(VenueWatch, "on_timer", _cancels_not_repeated),
    "release without a look at the venue": method(VenueWatch, "refusal_to_resume", _first_cancel_is_enough),
    "a second kill changes the gate": method(KillSwitchService, "activate", _kill_again_changes),
    "the gate is forgotten at restart": method(AgentOrchestrator, "restore", _gate_forgotten),
    "a pause changes nothing": method(TradingGate, "close", _pause_is_soft),
    # I15: limits.
    "notional limit doubled": method(RiskPolicyService, "validate_intent", _limits_doubled),
    "number of open orders unlimited": method(RiskPolicyService, "validate_intent", _orders_unlimited),
    "exposure unlimited": method(RiskPolicyService, "validate_intent", _exposure_unlimited),
    "order rate not counted": method(OrderRate, "count", returning((0, 0))),
    "losses close no gate": method(AccountWatch, "_breach", returning(None)),
    "every other mark is left out": method(AccountWatch, "mark", _offered_early),
    # I16: anchors.
    "the peak is forgotten at restart": method(AccountWatch, "restore", _peak_forgotten),
    # I18: inputs.
    "loss of the user stream ignored": method(VenueWatch, "on_stream", returning(None)),
    "comparisons may fail for ever": method(VenueWatch, "_doubt", returning(None)),
    "book gaps ignored": method(Market, "is_book_usable", returning(value=True)),
    "closed markets ignored": method(ConnectionDesk, "_take_status", returning(None)),
    "changed rules ignored": method(ConnectionDesk, "_take_rules", returning(None)),
    "wrong clock ignored": method(ConnectionDesk, "_judge_clock", returning(None)),
    # I24: what grows without a bound.
    "every timer is set again": method(VenueWatch, "on_timer", _timers_pile_up),
    # I19: recovery.
    "recovery leaves acknowledgements out": lambda: patch.object(world, "recover", _acks_not_journaled(None)),
}


@contextmanager
def _both(first: Mutant, second: Mutant) -> Iterator[None]:
    with first(), second():
        yield
