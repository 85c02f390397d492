"""Remember what people ask about, and show an agent as plain values; change nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from attrs import evolve

from meva_core.agent.health import HealthReport, HealthStatus
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.events import Event, TradeReceived
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.model.money import ZERO, exact
from meva_core.model.order import OrderRecord
from meva_core.model.state import CanonicalState, Position
from meva_core.ops.log_records import (
    AlertRaised,
    ControlAnswered,
    EquityMarked,
    FillBooked,
    GateChanged,
    OrderSubmitted,
    OrderUpdated,
    Record,
    RiskDecided,
    SignalDecided,
    VenueCompared,
)
from meva_core.portfolio.treasury_service import TreasuryService
from meva_core.ports.controls import (
    AlertView,
    DecisionView,
    FigureView,
    FillView,
    GateView,
    HealthView,
    LimitView,
    MarkerView,
    OrderView,
    PnlView,
    PointView,
    PositionView,
    StatusView,
    TransferView,
    TreasuryView,
)

# What one page shows and one answer carries; the journal keeps everything.
DECISIONS_KEPT: Final = 2_000
ALERTS_KEPT: Final = 200
POINTS_KEPT: Final = 600
SHOWN: Final = 60
_PRICE_EVERY_NS: Final = NS_PER_SECOND
_EQUITY_EVERY_NS: Final = 5 * NS_PER_SECOND


class OperatorView:
    """Observe an agent's outcomes and show its state. `on_outcome` stands where every event passes."""

    def __init__(
        self, agent: AgentOrchestrator, *, service: str, account: str, symbols: tuple[str, ...]
    ) -> None:
        self._agent = agent
        self._service = service
        self._account = account
        self._decisions: deque[DecisionView] = deque(maxlen=DECISIONS_KEPT)
        self._alerts: deque[AlertView] = deque(maxlen=ALERTS_KEPT)
        self._equity: deque[PointView] = deque(maxlen=POINTS_KEPT)
        self._prices: dict[str, deque[PointView]] = {symbol: deque(maxlen=POINTS_KEPT) for symbol in symbols}
        self._sampled_ns = dict.fromkeys(symbols, 0)

    def on_outcome(self, event: Event, outcome: Outcome) -> None:
        """Take note of *event* and what followed from it."""
        if isinstance(event, TradeReceived) and event.symbol in self._prices:
            self._sample_price(event)
        for record in outcome.records:
            self.on_record(record)

    def on_record(self, record: Record) -> None:
        """Take note of one record."""
        if isinstance(record, EquityMarked):
            self._equity.append(PointView(record.time_ns, record.equity, record.drawdown))
        elif isinstance(record, AlertRaised):
            alert = record.alert
            shown = AlertView(
                record.time_ns, alert.level.value, alert.code, alert.subject, alert.message, True, ""
            )
            self._alerts.append(shown)
        elif (decision := _decision(record)) is not None:
            self._decisions.append(decision)

    def why(self, client_order_id: str) -> tuple[DecisionView, ...]:
        """Return what led to an order and what became of it, oldest first."""
        numbers = {
            line.decision
            for line in self._decisions
            if line.client_order_id == client_order_id and line.decision
        }
        return tuple(
            line
            for line in self._decisions
            if line.client_order_id == client_order_id
            or (line.decision in numbers and not line.client_order_id)
        )

    def status(
        self, health: HealthReport, *, now_ns: int, heartbeat_ns: int, figures: Sequence[FigureView] = ()
    ) -> StatusView:
        """Return everything at once; *heartbeat_ns* is when the main loop last said that it lives.

        *figures* are measures that only the runner knows.
        """
        state = self._agent.state()
        with exact():
            pnl = self._pnl(state)
            self._sample_equity(PointView(now_ns, pnl.equity, pnl.drawdown))
            return StatusView(
                mode=state.mode,
                service=self._service,
                account=self._account,
                reporting_currency=state.reporting_currency,
                as_of_ns=now_ns,
                events=state.sequence.events,
                risk_budget=state.risk_limits.max_portfolio_exposure,
                gate=_gate(state),
                health=_health(health, now_ns - heartbeat_ns, (*self._figures(health, now_ns), *figures)),
                pnl=pnl,
                treasury=_treasury(state, self._agent.services.treasury),
                limits=self._limits(state),
                positions=tuple(self._position(item) for item in state.positions.values()),
                orders=tuple(_order(item) for item in state.open_orders.values()),
                fills=_fills(state),
                decisions=tuple(self._decisions)[-SHOWN:],
                alerts=self._shown_alerts(),
                equity=(*self._equity, PointView(now_ns, pnl.equity, pnl.drawdown)),
                prices={symbol: tuple(points) for symbol, points in self._prices.items()},
            )

    def _shown_alerts(self) -> tuple[AlertView, ...]:
        """Return the newest alerts; of each cause the newest one stands, if any."""
        standing = {(item.code, item.subject): item for item in self._agent.services.alerts.standing()}
        shown: list[AlertView] = []
        for alert in reversed(list(self._alerts)[-SHOWN:]):
            cause = standing.pop((alert.code, alert.subject), None)
            seen_by = "" if cause is None else cause.acknowledged_by
            shown.append(evolve(alert, stands=cause is not None, acknowledged_by=seen_by))
        return tuple(reversed(shown))

    def _sample_price(self, event: TradeReceived) -> None:
        if event.time_ns - self._sampled_ns[event.symbol] < _PRICE_EVERY_NS:
            return
        self._sampled_ns[event.symbol] = event.time_ns
        price = self._agent.path(event.symbol).market.instrument.price(event.price_ticks)
        self._prices[event.symbol].append(PointView(event.time_ns, price, ZERO))

    def _sample_equity(self, point: PointView) -> None:
        if not self._equity or point.time_ns - self._equity[-1].time_ns >= _EQUITY_EVERY_NS:
            self._equity.append(point)

    def _mark(self, symbol: str) -> Decimal:
        market = self._agent.path(symbol).market
        return market.instrument.price(market.last_ticks) if market.last_ticks else ZERO

    def _position(self, position: Position) -> PositionView:
        mark = self._mark(position.symbol)
        return PositionView(position.symbol, position.quantity, position.cost, mark, position.realized)

    def _pnl(self, state: CanonicalState) -> PnlView:
        pnl = state.pnl
        equity = self._agent.account.equity
        return PnlView(equity, pnl.realized, pnl.unrealized, pnl.fees, pnl.pnl_today, pnl.drawdown)

    def _figures(self, health: HealthReport, now_ns: int) -> Iterator[FigureView]:
        """Yield how old and how far apart the things are that decisions rest on; what was never heard of has no age."""
        for symbol, silent_ns in health.data_age_ns.items():
            if self._agent.path(symbol).market.last_ns:
                yield FigureView(f"age of {symbol} data", _scaled(silent_ns, NS_PER_SECOND), "s")
        connectivity = self._agent.state().connectivity
        yield FigureView("clock offset", _scaled(connectivity.clock_offset_ns, NS_PER_MS), "ms")
        if self._agent.compared_ns:
            age_ns = max(0, now_ns - self._agent.compared_ns)
            yield FigureView("books and venue compared", _scaled(age_ns, NS_PER_SECOND), "s ago")
        yield FigureView("stream reconnects", Decimal(connectivity.reconnects), "since the start")

    def _limits(self, state: CanonicalState) -> tuple[LimitView, ...]:
        limits, money = state.risk_limits, state.reporting_currency
        values = [abs(item.quantity) * self._mark(item.symbol) for item in state.positions.values()]
        return (
            LimitView("daily loss", max(ZERO, -state.pnl.pnl_today), limits.daily_loss_limit, money),
            LimitView("drawdown", state.pnl.drawdown, limits.max_drawdown_limit, money),
            LimitView("exposure held", sum(values, ZERO), limits.max_portfolio_exposure, money),
            LimitView(
                "largest position", max(values, default=ZERO), limits.max_position_notional_per_symbol, money
            ),
            LimitView(
                "open orders", Decimal(len(state.open_orders)), Decimal(limits.max_open_orders), "orders"
            ),
        )


def _decision(record: Record) -> DecisionView | None:
    """Return what *record* says to a person, or `None` for what has a place of its own."""
    match record:
        case SignalDecided():
            signal = record.signal
            text = f"{record.strategy} wants {signal.side}: {signal.reason}"
            text += f"; rejected: {record.reject_reason}" if record.reject_reason else ""
            return DecisionView(record.time_ns, record.decision, "signal", record.symbol, "", text)
        case RiskDecided():
            verdict = "approved" if record.approved else f"refused ({', '.join(record.codes)})"
            text = f"risk {verdict} {record.explanation}".strip()
            return DecisionView(record.time_ns, record.decision, "risk", record.symbol, "", text)
        case OrderSubmitted():
            request = record.request
            price = "market" if request.limit_price is None else f"{request.limit_price:f}"
            text = f"{request.side} {request.quantity:f} at {price}, decided at {record.decision_price:f}"
            return _of_order(
                record.time_ns, record.decision, "submit", request.symbol, request.client_order_id, text
            )
        case OrderUpdated():
            request = record.request
            text = f"{record.status}: {record.evidence}"
            return _of_order(record.time_ns, 0, "update", request.symbol, request.client_order_id, text)
        case FillBooked():
            fill = record.fill
            text = f"{fill.side} {fill.quantity:f} at {fill.price:f}, slippage {record.slippage_bps:.1f} bps"
            return _of_order(record.time_ns, 0, "fill", fill.symbol, fill.client_order_id, text)
        case GateChanged():
            text = f"gate {record.gate.name}: {record.code}: {record.reason} ({record.actor})"
            return DecisionView(record.time_ns, 0, "gate", "", "", text)
        case ControlAnswered():
            text = f"{record.actor} asked for {record.request}: {record.refusal or 'granted'}"
            return DecisionView(record.time_ns, 0, "control", "", "", text)
        case VenueCompared() if record.differences:
            return DecisionView(record.time_ns, 0, "reconcile", "", "", "; ".join(record.differences))
        case _:
            return None


def _of_order(time_ns: int, decision: int, kind: str, symbol: str, name: str, text: str) -> DecisionView:
    return DecisionView(time_ns, decision, kind, symbol, name, text)


def _gate(state: CanonicalState) -> GateView:
    flags = state.runtime_flags
    markers = tuple(
        MarkerView(item.code, item.gate.name, item.reason, item.actor, item.since_ns)
        for item in flags.markers.values()
    )
    return GateView(flags.gate.name, flags.gate_epoch, markers)


def _health(report: HealthReport, age_ns: int, figures: tuple[FigureView, ...]) -> HealthView:
    ready = report.status is HealthStatus.RUNNING
    return HealthView(report.status.value, ready, report.reasons, max(0, age_ns) // NS_PER_MS, figures)


def _scaled(amount_ns: int, unit_ns: int) -> Decimal:
    """Return *amount_ns* in tenths of the unit: nobody reads more of it."""
    return Decimal(10 * amount_ns // unit_ns).scaleb(-1)


def _treasury(state: CanonicalState, service: TreasuryService) -> TreasuryView:
    treasury = state.treasury
    return TreasuryView(
        treasury.principal_baseline,
        treasury.operating_costs_today,
        treasury.reserve_accrual_today,
        treasury.rolling_surplus_30d,
        treasury.principal_protected,
        service.reserve,
        tuple(
            TransferView(each.transfer_id, each.asset, each.amount, each.status.value, each.changed_ns)
            for each in service.transfers.all()[-SHOWN:]
        ),
    )


def _order(record: OrderRecord) -> OrderView:
    request = record.request
    price = "" if request.limit_price is None else f"{request.limit_price:f}"
    return OrderView(
        request.client_order_id,
        request.symbol,
        request.side.value,
        request.type.value,
        request.quantity,
        record.filled_quantity,
        price,
        record.status.value,
        request.strategy,
        record.evidence,
        record.created_ns,
    )


def _fills(state: CanonicalState) -> tuple[FillView, ...]:
    return tuple(
        FillView(
            fill.venue_time_ns,
            fill.symbol,
            fill.side.value,
            fill.price,
            fill.quantity,
            fill.fee,
            fill.fee_asset,
            fill.client_order_id,
        )
        for fill in list(state.fills)[-SHOWN:]
    )
