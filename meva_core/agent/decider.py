"""Take one strategy's wish through signal checks, risk and order service, and write down every verdict.

The canonical text of each step enters the decision chain; its fields are separated by blanks, free text stands
last. A strategy that answers nothing has decided nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.strategy_slot import StrategySlot
from meva_core.commands import AlertLevel, Approved
from meva_core.errors import StrategyError
from meva_core.execution.idempotency import idem_key
from meva_core.execution.order_service import OrderService
from meva_core.model.market import NS_PER_SECOND, Candle
from meva_core.model.money import ZERO, exact, quantise_down
from meva_core.model.order import OrderType, TradeIntent
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import AlertRaised, OrderSubmitted, RiskDecided, SignalDecided
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.risk.gate import RUNAWAY_ORDERS, TradingGate
from meva_core.risk.limits_engine import RiskCode
from meva_core.risk.policy_service import Refused, RiskPolicyService
from meva_core.signals.strategy import Signal

STRATEGY_FAILED: Final = "strategy_failed"

# A wish that is refused again and again says nothing new; after this long it is heard again.
_MUTE_NS: Final = 10 * NS_PER_SECOND
# A strategy that reaches these limits is in a loop: the gate closes by itself (fault F4).
_RUNAWAY: Final = frozenset({RiskCode.ORDER_RATE, RiskCode.REPEATED_ORDER})


class Decider:
    """Decide for one slot at a time. Everything it writes goes to the outbox and, through the services, the state."""

    def __init__(
        self,
        runtime: Runtime,
        account: AccountWatch,
        *,
        risk: RiskPolicyService,
        gate: TradingGate,
        orders: OrderService,
        holdings: StrategyHoldings,
        alerts: AlertService,
        signal_age_ns: int,
    ) -> None:
        self._runtime = runtime
        self._account = account
        self._risk = risk
        self._gate = gate
        self._orders = orders
        self._holdings = holdings
        self._alerts = alerts
        self._signal_age_ns = signal_age_ns
        self._on_switch: list[Callable[[], None]] = []

    def on_switch(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever a strategy was switched off, on whatever symbol it failed."""
        self._on_switch.append(listener)

    def wake(self, slot: StrategySlot, candle: Candle | None = None) -> None:
        """Ask the strategy of *slot*, and carry its answer as far as it goes."""
        if self._gate.state is not Gate.OPEN:
            self._account.mark()  # A refusal names exact numbers. While open, the band says that no limit is reached.
        time_ns = self._runtime.now_ns
        context = slot.show(time_ns=time_ns, sellable=self._sellable(slot), candle=candle)
        try:
            decision = slot.engine.evaluate(slot.symbol, context)
        except StrategyError as error:
            self.fail(slot, error)
            return
        signal = decision.signal
        if signal is None or not slot.hears(signal.side, version=self._runtime.version, time_ns=time_ns):
            return
        number = self._runtime.state.sequence.decisions + 1
        self._runtime.state.sequence.decisions = number
        reason = decision.reject_reason
        self._say_signal(slot, number, signal, "" if reason is None else reason.value)
        if decision.is_valid:
            with exact():
                self._judge(slot, self._intent(slot, number, signal))
        else:
            slot.mute(signal.side, version=self._runtime.version, until_ns=time_ns + _MUTE_NS)

    def fail(self, slot: StrategySlot, error: StrategyError) -> None:
        """Switch off a strategy that failed, on every symbol, and call for a person."""
        state, outbox, time_ns = self._runtime.state, self._runtime.outbox, self._runtime.now_ns
        state.runtime_flags.strategy_enabled[slot.name] = False
        self._runtime.version += 1
        for switched in self._on_switch:
            switched()
        outbox.decide(f"disable {slot.name} {slot.symbol}")
        alert = self._alerts.trigger(
            AlertLevel.CRITICAL,
            STRATEGY_FAILED,
            f"{error}; it is switched off, its orders and positions stay",
            {"symbol": error.symbol, "problem": error.problem},
            time_ns=time_ns,
            subject=slot.name,
        )
        if alert is not None:
            outbox.command(alert, f"alert {STRATEGY_FAILED} {slot.name}")
            outbox.record(AlertRaised(time_ns, alert))

    def refresh(self, slot: StrategySlot) -> None:
        """Take over what the strategy of *slot* holds and has on order."""
        slot.refresh(self._holdings, self._runtime.state.open_orders)

    def _sellable(self, slot: StrategySlot) -> Decimal:
        """Return what the strategy may sell: its own, and not more than is free, in whole lots (fault B5)."""
        if slot.unsold <= ZERO:
            return ZERO
        instrument = slot.market.instrument
        balance = self._runtime.state.balances.get(instrument.base)
        free = ZERO if balance is None else balance.free
        return quantise_down(min(slot.unsold, max(free, ZERO)), instrument.lot_size)

    def _say_signal(self, slot: StrategySlot, number: int, signal: Signal, reason: str) -> None:
        runtime = self._runtime
        outbox, time_ns = runtime.outbox, runtime.now_ns
        outbox.record(SignalDecided(time_ns, number, slot.name, slot.symbol, signal, reason))
        plain = signal.type is OrderType.MARKET and not signal.expires_ns
        terms = "" if plain else f" {signal.limit_price} {signal.post_only} {signal.expires_ns}"
        outbox.decide(
            f"signal {number} {time_ns} {slot.name} {slot.symbol} {reason or 'valid'} {signal.side} {signal.quantity}"
            f" {signal.type} {signal.time_in_force} {signal.reduce_only}{terms} {signal.confidence!r}"
            f" {signal.edge_bps!r} {signal.reason}"
        )

    def _intent(self, slot: StrategySlot, number: int, signal: Signal) -> TradeIntent:
        instrument, now_ns = slot.market.instrument, self._runtime.now_ns
        expires_ns = now_ns + self._signal_age_ns
        return TradeIntent(
            number,
            slot.name,
            slot.symbol,
            signal.side,
            signal.type,
            signal.time_in_force,
            quantise_down(signal.quantity, instrument.lot_size),
            signal.limit_price,
            signal.post_only,
            signal.reduce_only,
            slot.market.mark,
            now_ns,
            min(expires_ns, signal.expires_ns) if signal.expires_ns else expires_ns,
        )

    def _judge(self, slot: StrategySlot, intent: TradeIntent) -> None:
        runtime, outbox = self._runtime, self._runtime.outbox
        outbox.decide(
            f"intent {intent.decision} {intent.quantity} {intent.reference_price} {intent.expires_ns}"
        )
        verdict = self._risk.validate_intent(intent, runtime.state)
        if isinstance(verdict, Refused):
            self._refuse(slot, verdict)
            return
        self._submit(slot, verdict)

    def _refuse(self, slot: StrategySlot, verdict: Refused) -> None:
        runtime, intent = self._runtime, verdict.intent
        now_ns = runtime.now_ns
        runtime.outbox.record(
            RiskDecided(
                now_ns, intent.decision, slot.name, slot.symbol, False, verdict.codes, verdict.explanation
            )
        )
        runtime.outbox.decide(f"refused {intent.decision} {','.join(verdict.codes)} {verdict.explanation}")
        if not _RUNAWAY.isdisjoint(verdict.codes):
            text = f"{slot.name} on {slot.symbol}: {verdict.explanation}"
            self._gate.close(GateMarker(RUNAWAY_ORDERS, Gate.PAUSED, text, "risk", now_ns))
        slot.mute(intent.side, version=runtime.version, until_ns=now_ns + _MUTE_NS)

    def _submit(self, slot: StrategySlot, approved: Approved) -> None:
        runtime, outbox, intent = self._runtime, self._runtime.outbox, approved.intent
        now_ns = runtime.now_ns
        result = self._orders.submit(approved, idem_key(intent))
        assert result.command is not None, "a decision number is used once"
        request = result.record.request
        runtime.version += 1
        outbox.record(RiskDecided(now_ns, intent.decision, slot.name, slot.symbol, True, (), ""))
        outbox.record(OrderSubmitted(now_ns, intent.decision, request, intent.reference_price))
        outbox.command(
            result.command,
            f"place {intent.decision} {request.client_order_id} {approved.gate_epoch} {approved.notional}"
            f" {approved.reserve_asset} {approved.reserve_price}",
        )
        self.refresh(slot)
