"""Book what the venue reports: orders, fills, money; decide no trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.market_path import MarketPath
from meva_core.agent.runtime_state import Runtime
from meva_core.errors import IllegalTransitionError, InvariantError
from meva_core.events import (
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from meva_core.execution.order_service import OrderAnswer, OrderService
from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.order import OrderRecord
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.log_records import FillBooked, OrderUpdated
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.portfolio.ledger_service import LedgerService
from meva_core.portfolio.pnl_service import PnLService
from meva_core.risk.circuit_breaker import CircuitBreaker
from meva_core.risk.gate import VENUE_MISMATCH, TradingGate

_BPS: Final = 10_000
_BUY: Final = Side.BUY


class OrderDesk:
    """Bring every report of the venue into orders, portfolio, ledger and records. Call it inside `exact()`.

    *booked_ns* is when the books last learned something of an order: an older question knows less.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        orders: OrderService,
        pnl: PnLService,
        ledger: LedgerService,
        holdings: StrategyHoldings,
        account: AccountWatch,
        breaker: CircuitBreaker,
        gate: TradingGate,
        paths: Mapping[str, MarketPath],
    ) -> None:
        self._runtime = runtime
        self._orders = orders
        self._pnl = pnl
        self._ledger = ledger
        self._holdings = holdings
        self._account = account
        self._breaker = breaker
        self._gate = gate
        self._paths = paths
        self.booked_ns = 0

    def handlers(self) -> dict[type, Callable[[Any], None]]:
        """Return what takes each kind of report."""
        return {
            OrderFilled: self._on_filled,
            OrderAcknowledged: self._on_acknowledged,
            OrderRejected: self._on_rejected,
            OrderCanceled: self._on_ended,
            OrderExpired: self._on_ended,
            OrderDropped: self._on_ended,
        }

    def _on_filled(self, event: OrderFilled) -> None:
        self.book(event.fill, event.time_ns)

    def _on_acknowledged(self, event: OrderAcknowledged) -> None:
        record = self.apply(event)
        if record is not None:
            self._breaker.on_success()
            self._say(record)

    def _on_rejected(self, event: OrderRejected) -> None:
        record = self.apply(event)
        if record is not None:
            self.say_changed(record)
            self._breaker.on_reject(f"{event.code}: {event.reason}", time_ns=event.time_ns)
            self._account.set_alarm()

    def _on_ended(self, event: OrderCanceled | OrderExpired | OrderDropped) -> None:
        record = self.apply(event)
        if record is not None:
            self.say_changed(record)

    def apply(self, answer: OrderAnswer) -> OrderRecord | None:
        """Bring an answer to its order; `None`, and a closed gate, when it cannot be the answer to any (I30)."""
        if answer.time_ns > self.booked_ns:
            self.booked_ns = answer.time_ns
        try:
            record = self._orders.apply(answer)
        except IllegalTransitionError as error:
            self.mismatch(str(error))
            return None
        if record is None and self._orders.owns(answer.client_order_id):
            self.mismatch(f"the venue speaks of order {answer.client_order_id}, which is not known here")
        return record

    def cancel(self, client_order_id: str, reason: str, time_ns: int) -> bool:
        """Have one order cancelled; return whether it is open."""
        command = self._orders.cancel(client_order_id, reason, time_ns)
        record = self._orders.find(client_order_id)
        if command is None or record is None:
            return False
        self._runtime.outbox.command(command, f"cancel {client_order_id}")
        self.say_changed(record)
        return True

    def _say(self, record: OrderRecord) -> None:
        runtime = self._runtime
        runtime.version += 1
        runtime.outbox.record(
            OrderUpdated,
            runtime.now_ns,
            record.request,
            record.venue_order_id,
            record.status,
            record.evidence,
            record.filled_quantity,
        )

    def say_changed(self, record: OrderRecord) -> None:
        """Tell of a change in what the order's strategy holds or has on order."""
        self._say(record)
        self._paths[record.request.symbol].refresh(record.request.strategy)

    def book(self, fill: Fill, time_ns: int) -> None:
        """Book a fill, once, however often and by whatever channel it is told (fault B2)."""
        orders = self._orders
        try:
            record = orders.apply_fill(fill, time_ns)
        except (IllegalTransitionError, InvariantError) as error:  # It changed nothing.
            self.mismatch(str(error))
            return
        if record is None:
            # Booked before, by another channel, or the order is not known. Another hand's order is no business of
            # ours; what it moved, the comparison of balances finds (F5, B7).
            if orders.owns(fill.client_order_id) and orders.find(fill.client_order_id) is None:
                self.mismatch(f"the venue filled order {fill.client_order_id}, which is not known here")
            return
        if time_ns > self.booked_ns:
            self.booked_ns = time_ns
        runtime, strategy, path = self._runtime, record.request.strategy, self._paths[fill.symbol]
        instrument = path.market.instrument
        state = runtime.state
        update = self._pnl.update_from_fill(fill, state)
        self._ledger.post_fill(fill, instrument.base, instrument.quote)
        self._holdings.add(strategy, fill, instrument)
        state.fills.append(fill)
        runtime.outbox.record(
            FillBooked,
            time_ns,
            fill,
            strategy,
            update.realized,
            update.fee_value,
            update.notional_value,
            update.closed_quantity,
            slippage_bps(fill, record),
        )
        self._say(record)
        path.refresh(strategy)
        self._account.on_fill()

    def mismatch(self, text: str) -> None:
        """Stop for a person: the venue and the books contradict each other."""
        marker = GateMarker(VENUE_MISMATCH, Gate.PAUSED, text, "reconcile", self._runtime.now_ns)
        self._gate.close(marker)


def slippage_bps(fill: Fill, record: OrderRecord) -> float:
    """Return by how much the fill was worse than the price at the decision. A float, for display alone."""
    decided = float(record.decision_price)
    worse = float(fill.price) - decided
    return _BPS * (worse if fill.side is _BUY else -worse) / decided
