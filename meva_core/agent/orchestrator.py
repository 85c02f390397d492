"""Sequence the pipeline: one event in, everything that follows from it out. It reads no clock and performs nothing.

The orchestrator is the only entrance. What it returns must be committed before its commands are performed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from decimal import getcontext, setcontext
from typing import Any, get_args

from attrs import frozen

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.connection_desk import ConnectionDesk
from meva_core.agent.control_desk import ControlDesk
from meva_core.agent.given_answers import GivenAnswer
from meva_core.agent.market_path import MarketPath
from meva_core.agent.market_watch import MARKET_TIMER, MarketWatch
from meva_core.agent.order_desk import OrderDesk
from meva_core.agent.outbox import Outcome, Taker
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.treasury_desk import TreasuryDesk
from meva_core.agent.venue_watch import TIMER, VenueWatch
from meva_core.commands import Approved, Command
from meva_core.data.market_data_service import MarketDataService
from meva_core.errors import UnknownSymbolError
from meva_core.events import (
    BookChanged,
    CancelRefused,
    CandleClosed,
    ConnectivityEvent,
    CostRecorded,
    Event,
    OperatorEvent,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    QuoteReceived,
    RequestFailed,
    TimerFired,
    TradeReceived,
    TransferSettled,
    VenueStateObserved,
)
from meva_core.execution.order_service import OrderService
from meva_core.model.canonical import digest
from meva_core.model.market import timeframe_ns
from meva_core.model.money import EXACT, exact
from meva_core.model.state import CanonicalState
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import Kind, Record
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.portfolio.ledger_service import LedgerService, transfer_entry
from meva_core.portfolio.pnl_service import PnLService
from meva_core.portfolio.treasury_service import TreasuryService
from meva_core.risk.circuit_breaker import CircuitBreaker
from meva_core.risk.policy_service import RiskPolicyService


@frozen
class TickResult:
    """Hold what one tick did: *events* were handled, with these *outcomes*."""

    events: int
    outcomes: tuple[Outcome, ...]
    state_version: int
    decision_hash: str

    @property
    def commands(self) -> tuple[Command, ...]:
        """Return every command, in order."""
        return tuple(command for outcome in self.outcomes for command in outcome.commands)


@frozen(kw_only=True)
class AgentServices:
    """Hold the parts that keep a memory beyond the canonical state; checkpoints carry all of them."""

    market_data: MarketDataService
    risk: RiskPolicyService
    breaker: CircuitBreaker
    orders: OrderService
    holdings: StrategyHoldings
    pnl: PnLService
    ledger: LedgerService
    treasury: TreasuryService
    alerts: AlertService


class AgentOrchestrator:
    """Handle events. Times of market events must not fall; one that does is refused and counted.

    A loop that replays calls `path(symbol).on_trade(...)` or `on_event` directly, and `take` when that returned true.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        services: AgentServices,
        account: AccountWatch,
        paths: Mapping[str, MarketPath],
        order_desk: OrderDesk,
        venue_watch: VenueWatch,
        market_watch: MarketWatch,
        connection_desk: ConnectionDesk,
        control_desk: ControlDesk,
        treasury_desk: TreasuryDesk,
    ) -> None:
        self._runtime = runtime
        self._services = services
        self._account = account
        self._paths = paths
        self._order_desk = order_desk
        self._watch = venue_watch
        self._market_watch = market_watch
        self._connection_desk = connection_desk
        self._control_desk = control_desk
        self._treasury_desk = treasury_desk
        self._inbox: deque[Event] = deque()
        # What handles each kind, whether it begins here, and whether it is handled inside `exact()`.
        self._handlers: dict[type, tuple[Callable[[Any], object], bool, bool]] = {
            **{kind: (handler, True, True) for kind, handler in self._exact_table().items()},
            **{kind: (handler, False, False) for kind, handler in self._market_table().items()},
            TimerFired: (self._wake, True, False),
        }
        assert set(self._handlers) == set(get_args(Event)), "every kind of event has a handler"
        account.attach(tuple(paths.values()))

    @property
    def sequence(self) -> int:
        """Return how many events were handled."""
        return self._runtime.sequence

    @property
    def account(self) -> AccountWatch:
        """Return the account's equity, drawdown and start."""
        return self._account

    @property
    def services(self) -> AgentServices:
        """Return the parts that keep a memory, for whoever explains what they did."""
        return self._services

    @property
    def decision_hash(self) -> str:
        """Return the last link of the decision chain, in hex."""
        return self.link.hex()

    @property
    def clock_offset_ns(self) -> int:
        """Return the venue's time minus ours, as last measured."""
        return self._runtime.state.connectivity.clock_offset_ns

    @property
    def compared_ns(self) -> int:
        """Return when the venue last said what it holds of ours, 0 where it never did."""
        return self._watch.answered_ns

    @property
    def link(self) -> bytes:
        """Return the last link of the decision chain."""
        return self._runtime.outbox.link

    def answer_to(self, event: OperatorEvent) -> GivenAnswer | None:
        """Return what the same request was answered before, if it is remembered."""
        return self._control_desk.answers.find(event)

    def permits(self, approved: Approved, now_ns: int) -> bool:
        """Return whether *approved* still holds: the gate has not moved since, and the intent is not too old.

        Whoever hands an order to a transport asks first, and does both in one step that nothing interrupts (I12).
        """
        fresh = not approved.intent.expires_ns or now_ns <= approved.intent.expires_ns
        return fresh and approved.gate_epoch == self._runtime.state.runtime_flags.gate_epoch

    def path(self, symbol: str) -> MarketPath:
        """Return the way that events of *symbol* take; raise `UnknownSymbolError` where none is configured."""
        try:
            return self._paths[symbol]
        except KeyError:
            raise UnknownSymbolError(symbol, tuple(self._paths)) from None

    def handle(self, event: Event) -> Outcome:
        """Handle one event completely and return what followed from it.

        Whatever a strategy has no part in is handled where inexact results raise.
        """
        self.on_event(event)
        return self.take()

    def on_event(self, event: Event) -> bool:
        """Handle one event completely and return whether there is anything to `take`."""
        runtime = self._runtime
        handler, begins, is_exact = self._handlers[type(event)]
        if begins:  # None that is not the market's is refused for its time: money may hang on it.
            runtime.sequence += 1
            time_ns = event.time_ns
            if time_ns > runtime.now_ns:
                runtime.now_ns = time_ns
            if runtime.now_ns >= runtime.alarm_ns:
                self._account.on_alarm(runtime.now_ns)
        if not is_exact:
            handler(event)
            return runtime.outbox.filled
        outer = getcontext()
        if outer is not EXACT:
            setcontext(EXACT)
        try:
            handler(event)
        finally:
            if outer is not EXACT:
                setcontext(outer)
        return runtime.outbox.filled

    def tell(self, takers: Mapping[Kind, Taker], *, read: Collection[type[Record]] | None = None) -> None:
        """Tell *takers* each fact of their kind at once; outcomes hold records of the kinds *read*, `None` for all."""
        self._runtime.outbox.tell(takers, read=read)

    def take(self) -> Outcome:
        """Return what followed from the events since the last call."""
        return self._runtime.outbox.take(self._runtime.sequence)

    def offer(self, event: Event) -> None:
        """Queue *event* for `tick`; events are offered in the order of their times."""
        self._inbox.append(event)

    def tick(self, now_ns: int) -> TickResult:
        """Handle every queued event that is due at *now_ns*, in order."""
        outcomes = []
        while self._inbox and self._inbox[0].time_ns <= now_ns:
            outcomes.append(self.handle(self._inbox.popleft()))
        return TickResult(len(outcomes), tuple(outcomes), self._runtime.version, self.decision_hash)

    def state(self) -> CanonicalState:
        """Return the canonical state, brought up to date; it lives on with the agent, so copy what must stay."""
        runtime = self._runtime
        self._account.refresh(runtime.now_ns)
        self._services.ledger.check(runtime.state.balances)
        sequence = runtime.state.sequence
        sequence.events = runtime.sequence
        sequence.version = runtime.version
        sequence.last_event_ns = runtime.now_ns
        for symbol, path in self._paths.items():
            sequence.last_trade_id[symbol] = path.market.last_trade_id
            sequence.last_update_id[symbol] = path.market.last_update_id
        return runtime.state

    def state_hash(self) -> str:
        """Return the BLAKE2b-128 of the canonical state, in hex."""
        return digest(self.state())

    def data_problems(self) -> dict[str, int]:
        """Return how often market data was not used, by symbol and cause."""
        return {
            f"{symbol} {problem}": count
            for symbol, path in self._paths.items()
            for problem, count in path.problems.items()
        }

    def finish(self) -> Outcome:
        """Value the account a last time and return what that led to."""
        self._account.mark()
        self._account.record_equity(self._runtime.now_ns)
        return self.take()

    def checkpoint(self) -> dict[str, Any]:
        """Return everything that a continuation needs, as plain values and classes of the state.

        Nothing is copied: encode it before the next event is handled. Take what is in the outbox first.
        """
        assert not self._runtime.outbox.filled, "an outcome is taken before a checkpoint"
        services = self._services
        return {
            "state": self.state(),
            "link": self.link,
            "account": self._account.snapshot(),
            "market_data": services.market_data.snapshot(),
            "order_rate": services.risk.order_rate.snapshot(),
            "breaker": services.breaker.snapshot(),
            "orders": services.orders.snapshot(),
            "holdings": services.holdings.snapshot(),
            "pnl": services.pnl.snapshot(),
            "ledger": services.ledger.snapshot(),
            "treasury": services.treasury.snapshot(),
            "alerts": services.alerts.snapshot(),
            "venue_watch": self._watch.snapshot(),
            "connections": self._connection_desk.snapshot(),
            "market_watch": self._market_watch.snapshot(),
            "answers": self._control_desk.answers.snapshot(),
            "paths": {symbol: path.snapshot() for symbol, path in self._paths.items()},
        }

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Take over a checkpoint's memory; the agent must have been composed around its `state`."""
        services = self._services
        self._runtime.outbox.link = checkpoint["link"]
        services.market_data.restore(checkpoint["market_data"])
        services.risk.order_rate.restore(checkpoint["order_rate"])
        services.breaker.restore(checkpoint["breaker"])
        services.orders.restore(checkpoint["orders"])
        services.holdings.restore(checkpoint["holdings"])
        services.pnl.restore(checkpoint["pnl"], self._runtime.state)
        services.ledger.restore(checkpoint["ledger"])
        services.treasury.restore(checkpoint["treasury"])
        services.alerts.restore(checkpoint["alerts"])
        self._watch.restore(checkpoint["venue_watch"])
        self._connection_desk.restore(checkpoint["connections"])
        self._market_watch.restore(checkpoint["market_watch"])
        self._control_desk.answers.restore(checkpoint["answers"])
        for symbol, memory in checkpoint["paths"].items():
            self.path(symbol).restore(memory)
        self._account.restore(checkpoint["account"])

    def _exact_table(self) -> dict[type, Callable[[Any], object]]:
        """Return what handles each kind of event in which no strategy has a part."""
        watch = self._watch
        return {
            **self._order_desk.handlers(),
            **dict.fromkeys(get_args(OperatorEvent), self._control_desk.handle),
            **dict.fromkeys(get_args(ConnectivityEvent), self._connection_desk.handle),
            OrderOutcomeUnknown: watch.on_unknown,
            CancelRefused: watch.on_refused_cancel,
            RequestFailed: watch.on_failure,
            OrderQueryAnswered: watch.on_answer,
            VenueStateObserved: watch.on_state,
            CostRecorded: self._treasury_desk.record_cost,
            TransferSettled: self._transfer,
        }

    def _market_table(self) -> dict[type, Callable[[Any], object]]:
        """Return what handles the market's events; its paths count them and judge their time."""
        return {
            TradeReceived: self._trade,
            QuoteReceived: lambda event: self.path(event.symbol).on_quote(event),
            BookChanged: lambda event: self.path(event.symbol).on_book(event),
            CandleClosed: self._candle,
        }

    def _trade(self, event: TradeReceived) -> None:
        path = self.path(event.symbol)
        path.on_trade(event.time_ns, event.price_ticks, event.quantity_lots, event.trade_id)

    def _candle(self, event: CandleClosed) -> None:
        self.path(event.symbol).on_bar(event.time_ns, event.candle, timeframe_ns(event.timeframe))

    def _wake(self, event: TimerFired) -> None:
        """Close the candles that are over, which may wake a strategy: it calculates as it likes."""
        for path in self._paths.values():
            path.close_due(event.time_ns)
        if event.name == TIMER:
            with exact():
                self._watch.on_timer(event.time_ns)
        elif event.name == MARKET_TIMER:
            self._market_watch.on_timer(event.time_ns)

    def _transfer(self, event: TransferSettled) -> None:
        runtime, services = self._runtime, self._services
        asset, amount = event.asset, event.amount
        if not self._treasury_desk.settle(event, valued=self._account.started):
            return
        value = services.pnl.record_transfer(asset, amount, runtime.state)
        cause = f"transfer:{event.transfer_id}"
        self._treasury_desk.book(transfer_entry(event.time_ns, cause, asset=asset, amount=amount))
        runtime.version += 1
        self._account.shift(value)
