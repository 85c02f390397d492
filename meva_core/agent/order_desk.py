"""Book what the venue reports: orders, fills, money; decide no trade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, assert_never

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.market_path import MarketPath
from meva_core.agent.runtime_state import Runtime
from meva_core.commands import QueryOrder
from meva_core.events import (
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderRejected,
    VenueEvent,
    VenueStateObserved,
)
from meva_core.execution.order_service import OrderAnswer, OrderService
from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.money import exact
from meva_core.model.order import OrderRecord
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.log_records import FillBooked, OrderUpdated
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.portfolio.ledger_service import LedgerService
from meva_core.portfolio.pnl_service import PnLService
from meva_core.risk.circuit_breaker import CircuitBreaker
from meva_core.risk.gate import VENUE_MISMATCH, TradingGate

_BPS: Final = 10_000


class OrderDesk:
    """Bring every report of the venue into orders, portfolio, ledger and records."""

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

    def handle(self, event: VenueEvent) -> None:
        """Take one report."""
        match event:
            case OrderFilled():
                self._book(event.fill, event.time_ns)
            case OrderAcknowledged():
                record = self._apply(event)
                if record is not None:
                    self._breaker.on_success()
                    self._say(record)
            case OrderRejected():
                record = self._apply(event)
                if record is not None:
                    self._changed(record)
                    self._breaker.on_reject(f"{event.code}: {event.reason}", time_ns=event.time_ns)
                    self._account.set_alarm()
            case OrderCanceled() | OrderExpired() | OrderDropped():
                record = self._apply(event)
                if record is not None:
                    self._changed(record)
            case OrderOutcomeUnknown():
                record = self._apply(event)
                if record is not None:
                    self._changed(record)
                    query = QueryOrder(record.request.symbol, event.client_order_id)
                    self._runtime.outbox.command(query, f"query {event.client_order_id}")
            case VenueStateObserved():
                self._compare(event)
            case _:
                assert_never(event)

    def _apply(self, answer: OrderAnswer) -> OrderRecord | None:
        record = self._orders.apply(answer)
        if record is None:
            self._mismatch(f"the venue speaks of order {answer.client_order_id}, which is not known here")
        return record

    def _say(self, record: OrderRecord) -> None:
        runtime = self._runtime
        runtime.version += 1
        runtime.outbox.record(
            OrderUpdated(
                runtime.now_ns,
                record.request,
                record.venue_order_id,
                record.status,
                record.evidence,
                record.filled_quantity,
            )
        )

    def _changed(self, record: OrderRecord) -> None:
        """Tell of a change in what the order's strategy holds or has on order."""
        self._say(record)
        self._paths[record.request.symbol].refresh(record.request.strategy)

    def _book(self, fill: Fill, time_ns: int) -> None:
        if self._orders.find(fill.client_order_id) is None:
            self._mismatch(f"the venue filled order {fill.client_order_id}, which is not known here")
            return
        record = self._orders.apply_fill(fill, time_ns)
        if record is None:
            return  # Booked before: the same fill came by another channel.
        runtime, request = self._runtime, record.request
        instrument = self._paths[fill.symbol].market.instrument
        with exact():
            update = self._pnl.update_from_fill(fill, runtime.state)
            self._ledger.post_fill(fill, instrument.base, instrument.quote)
        self._holdings.add(request.strategy, fill, instrument)
        runtime.state.fills.append(fill)
        runtime.outbox.record(
            FillBooked(
                time_ns,
                fill,
                request.strategy,
                update.realized,
                update.fee_value,
                update.notional_value,
                update.closed_quantity,
                _slippage_bps(fill, record),
            )
        )
        self._changed(record)
        self._account.on_holdings()
        self._account.mark()

    def _compare(self, event: VenueStateObserved) -> None:
        """Book fills that were missed, then hold every balance against the venue's (invariant I11)."""
        for fill in event.fills:
            self._book(fill, event.time_ns)
        balances = self._runtime.state.balances
        for asset, free, locked in event.balances:
            known = balances[asset].total if asset in balances else 0
            if free + locked != known:
                self._mismatch(f"the venue holds {free + locked:f} {asset}, the books say {known:f}")

    def _mismatch(self, text: str) -> None:
        marker = GateMarker(VENUE_MISMATCH, Gate.PAUSED, text, "reconcile", self._runtime.now_ns)
        self._gate.close(marker)


def _slippage_bps(fill: Fill, record: OrderRecord) -> float:
    """Return by how much the fill was worse than the price at the decision. A float, for display alone."""
    decided = float(record.decision_price)
    worse = float(fill.price) - decided
    return _BPS * (worse if fill.side is Side.BUY else -worse) / decided
