"""Take one strategy's wish through signal checks, risk and order service, and write down every verdict.

Every step enters the decision chain. A strategy that answers nothing has decided nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, getcontext, setcontext
from typing import Final

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.decision_texts import asked_text, refused_texts
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.strategy_slot import StrategySlot
from meva_core.commands import AlertLevel, PlaceOrder
from meva_core.errors import StrategyError
from meva_core.execution.idempotency import idem_key
from meva_core.execution.order_service import OrderService
from meva_core.model.market import NS_PER_SECOND, Candle
from meva_core.model.money import EXACT, ZERO, exact
from meva_core.model.order import TradeIntent
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import RiskDecided, SignalDecided, fact
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.risk.gate import RUNAWAY_ORDERS, TradingGate
from meva_core.risk.limits_engine import RiskCode
from meva_core.risk.policy_service import Refused, RiskPolicyService
from meva_core.signals.signal_engine import RejectedSignal, SignalDecision
from meva_core.signals.strategy import Signal

STRATEGY_FAILED: Final = "strategy_failed"

# A wish that is refused again and again says nothing new; after this long it is heard again.
_MUTE_NS: Final = 10 * NS_PER_SECOND
# A strategy that reaches these limits is in a loop: the gate closes by itself (fault F4).
_RUNAWAY: Final = frozenset({RiskCode.ORDER_RATE, RiskCode.REPEATED_ORDER})
# Names of a module are found faster than members of an enum, and every wish looks for these.
_OPEN: Final = Gate.OPEN


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
        self._flags = runtime.state.runtime_flags
        self._account = account
        self._risk = risk
        self._gate = gate
        self._orders = orders
        self._holdings = holdings
        self._alerts = alerts
        self._signal_age_ns = signal_age_ns
        self._on_switch: list[Callable[[], None]] = []

    def adopt(self, slot: StrategySlot) -> None:
        """Show *slot* the account and the books that its strategy trades on."""
        slot.context.account = self._account
        slot.follow(self._holdings, self._runtime.state.open_orders)

    def on_switch(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever a strategy was switched off, on whatever symbol it failed."""
        self._on_switch.append(listener)

    def wake(self, slot: StrategySlot, candle: Candle | None = None) -> None:
        """Ask the strategy of *slot*, and carry its answer as far as it goes.

        The strategy calculates as it likes; what follows from its answer is exact.
        """
        answer = self.ask(slot, candle)
        if answer is not None:
            with exact():
                self.decide(slot, answer)

    def ask(self, slot: StrategySlot, candle: Candle | None) -> SignalDecision:
        """Ask the strategy of *slot*; return what it wants, `None` where that is nothing, or not to be heard now.

        The context that the strategy may put in force ends with its answer: one that stayed would depend on who was
        asked before.
        """
        runtime, context = self._runtime, getcontext()
        if self._flags.gate is not _OPEN:
            self._account.mark()  # A refusal names exact numbers. While open, the band says that no limit is reached.
        time_ns = runtime.now_ns
        sellable = self._sellable(slot) if slot.unsold > ZERO else ZERO
        try:
            answer = slot.engine.evaluate(slot.symbol, slot.show(time_ns, sellable, candle))
        except StrategyError as error:
            setcontext(context)
            self.fail(slot, error)
            return None
        if getcontext() is not context:
            setcontext(context)
        if answer is not None and slot.muted:
            side = (answer.signal if isinstance(answer, RejectedSignal) else answer).side
            if not slot.hears(side, version=runtime.version, time_ns=time_ns):
                return None
        return answer

    def fail(self, slot: StrategySlot, error: StrategyError) -> None:
        """Switch off a strategy that failed, on every symbol, and call for a person."""
        outbox, time_ns = self._runtime.outbox, self._runtime.now_ns
        self._flags.strategy_enabled[slot.name] = False
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
        outbox.alert(alert, time_ns)

    def _sellable(self, slot: StrategySlot) -> Decimal:
        """Return what the strategy may sell: its own, and not more than is free, in whole lots (fault B5)."""
        balance = self._runtime.state.balances.get(slot.market.instrument.base)
        free = ZERO if balance is None else EXACT.subtract(balance.total, balance.locked)
        most = slot.unsold if slot.unsold <= free else max(free, ZERO)
        return slot.whole_lots[str(most)]

    def decide(self, slot: StrategySlot, answer: Signal | RejectedSignal) -> None:
        """Carry the wish of *slot* through risk to an order, or say why not. Call it inside `exact()`."""
        runtime, outbox = self._runtime, self._runtime.outbox
        now_ns, strategy, symbol, market = runtime.now_ns, slot.name, slot.symbol, slot.market
        sequence = runtime.state.sequence
        sequence.decisions = number = sequence.decisions + 1
        if isinstance(answer, RejectedSignal):
            signal, reason = answer.signal, answer.reason.value
            asked = fact(SignalDecided, now_ns, number, strategy, symbol, signal, reason)
            outbox.say((asked,), (asked_text(now_ns, number, strategy, symbol, signal, reason),))
            slot.mute(signal.side, version=runtime.version, until_ns=now_ns + _MUTE_NS)
            return
        signal, side, expires_ns = answer, answer.side, answer.expires_ns
        last_ns = now_ns + self._signal_age_ns
        if not expires_ns or expires_ns > last_ns:
            expires_ns = last_ns
        quantity = slot.whole_lots[str(signal.quantity)]
        intent = TradeIntent(
            number,
            strategy,
            symbol,
            side,
            signal.type,
            signal.time_in_force,
            quantity,
            signal.limit_price,
            signal.post_only,
            signal.reduce_only,
            market.instrument.tick_size * market.last_ticks,
            now_ns,
            expires_ns,
        )
        verdict = self._risk.validate_intent(intent, runtime.state)
        if isinstance(verdict, Refused):
            codes, why = verdict.codes, verdict.explanation
            asked = fact(SignalDecided, now_ns, number, strategy, symbol, signal, "")
            judged = fact(RiskDecided, now_ns, number, strategy, symbol, False, codes, why)
            outbox.say((asked, judged), refused_texts(signal, verdict))
            self._refuse(slot, verdict)
            return
        command = self._orders.submit(verdict, idem_key(intent))
        assert isinstance(command, PlaceOrder), "a decision number is used once"
        runtime.version += 1
        outbox.order(signal, command)
        slot.on_submitted(side, quantity)

    def _refuse(self, slot: StrategySlot, verdict: Refused) -> None:
        """Hear the wish of *slot* no more for a while, and stop trading when it is a loop that speaks."""
        now_ns, side = self._runtime.now_ns, verdict.intent.side
        if not _RUNAWAY.isdisjoint(verdict.codes):
            text = f"{slot.name} on {slot.symbol}: {verdict.explanation}"
            self._gate.close(GateMarker(RUNAWAY_ORDERS, Gate.PAUSED, text, "risk", now_ns))
        slot.mute(side, version=self._runtime.version, until_ns=now_ns + _MUTE_NS)
