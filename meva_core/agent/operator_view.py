"""Remember what people ask about, and show an agent as plain values; change nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from attrs import define, evolve, field

from meva_core.agent.decision_lines import is_market, lines_about, lines_of
from meva_core.agent.health import HealthReport, HealthStatus
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.events import Event, TradeReceived
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.model.money import ZERO, exact
from meva_core.model.order import OrderRecord
from meva_core.model.state import CanonicalState, Position
from meva_core.ops.log_records import AlertRaised, EquityMarked, FillBooked, OrderUpdated, Record
from meva_core.portfolio.surplus import is_principal_protected
from meva_core.portfolio.treasury_service import TreasuryService
from meva_core.ports.controls import (
    NO_VENUE,
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
    VenueView,
)
from meva_core.ports.storage import Happening

# Events that may have said something to people; of older ones, and of those before a restart, the journal tells.
EVENTS_KEPT: Final = 2_000
ALERTS_KEPT: Final = 200
POINTS_KEPT: Final = 600
SHOWN: Final = 60
_PRICE_EVERY_NS: Final = NS_PER_SECOND
_EQUITY_EVERY_NS: Final = 5 * NS_PER_SECOND


class OperatorView:
    """Observe an agent's outcomes and show its state. `on_outcome` stands where every event passes."""

    def __init__(
        self, agent: AgentOrchestrator, *, name: str, service: str, account: str, symbols: tuple[str, ...]
    ) -> None:
        self._agent = agent
        self._name = name
        self._service = service
        self._account = account
        self._said: deque[_Said] = deque(maxlen=EVENTS_KEPT)
        self._alerts: deque[AlertView] = deque(maxlen=ALERTS_KEPT)
        self._equity: deque[PointView] = deque(maxlen=POINTS_KEPT)
        self._prices: dict[str, deque[PointView]] = {symbol: deque(maxlen=POINTS_KEPT) for symbol in symbols}
        self._sampled_ns = dict.fromkeys(symbols, 0)

    def on_outcome(self, event: Event, outcome: Outcome) -> None:
        """Take note of *event* and what followed from it."""
        if isinstance(event, TradeReceived) and event.symbol in self._prices:
            self._sample_price(event)
        for record in outcome.records:
            self._take(record)
        if outcome.decisions or not is_market(event):
            self._said.append(_Said(event, outcome))

    def _take(self, record: Record) -> None:
        if isinstance(record, EquityMarked):
            self._equity.append(PointView(record.time_ns, record.equity, record.drawdown))
        elif isinstance(record, AlertRaised):
            alert = record.alert
            shown = AlertView(
                record.time_ns, alert.level.value, alert.code, alert.subject, alert.message, True, ""
            )
            self._alerts.append(shown)

    def said(self, before_sequence: int = 0) -> Iterator[tuple[DecisionView, ...]]:
        """Yield what is remembered of events before *before_sequence* (0: of all), the newest first."""
        for said in reversed(self._said):
            if (not before_sequence or said.sequence < before_sequence) and (lines := said.lines()):
                yield lines

    def said_of(
        self, client_order_id: str, *, after_sequence: int, ended_ns: int = -1
    ) -> tuple[DecisionView, ...]:
        """Return what is remembered of an order from events after *after_sequence*, oldest first; see `lines_about`."""
        return tuple(
            line
            for said in self._said
            if said.sequence > after_sequence
            for line in lines_about(client_order_id, said.lines(), ended_ns=ended_ns)
        )

    def status(
        self,
        health: HealthReport,
        *,
        now_ns: int,
        heartbeat_ns: int,
        figures: Sequence[FigureView] = (),
        venue: VenueView = NO_VENUE,
    ) -> StatusView:
        """Return everything at once; *heartbeat_ns* is when the main loop last said that it lives.

        *figures* and *venue* are what only the runner knows.
        """
        state = self._agent.state()
        with exact():
            pnl = self._pnl(state)
            self._sample_equity(PointView(now_ns, pnl.equity, pnl.drawdown))
            return StatusView(
                mode=state.mode,
                agent=self._name,
                service=self._service,
                account=self._account,
                reporting_currency=state.reporting_currency,
                as_of_ns=now_ns,
                events=state.sequence.events,
                risk_budget=state.risk_limits.max_portfolio_exposure,
                gate=_gate(state),
                health=self._health(health, now_ns - heartbeat_ns, now_ns, figures, venue),
                pnl=pnl,
                treasury=self._treasury(state, pnl.equity),
                limits=self._limits(state),
                positions=tuple(self._position(item) for item in state.positions.values()),
                orders=tuple(_order(item) for item in state.open_orders.values()),
                fills=_fills(state),
                decisions=self._latest(),
                alerts=self._shown_alerts(),
                equity=(*self._equity, PointView(now_ns, pnl.equity, pnl.drawdown)),
                prices={symbol: tuple(points) for symbol, points in self._prices.items()},
            )

    def _latest(self) -> tuple[DecisionView, ...]:
        """Return the newest lines, none of an event without the others of it."""
        shown: list[tuple[DecisionView, ...]] = []
        count = 0
        for lines in self.said():
            shown.append(lines)
            count += len(lines)
            if count >= SHOWN:
                break
        return tuple(line for lines in reversed(shown) for line in lines)

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

    def _health(
        self,
        report: HealthReport,
        age_ns: int,
        now_ns: int,
        figures: Sequence[FigureView],
        venue: VenueView,
    ) -> HealthView:
        return HealthView(
            report.status.value,
            report.status is HealthStatus.RUNNING,
            report.reasons,
            max(0, age_ns) // NS_PER_MS,
            (*self._figures(report, now_ns), *figures),
            dict(self._agent.state().connectivity.connected),
            venue,
        )

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

    def _treasury(self, state: CanonicalState, equity: Decimal) -> TreasuryView:
        """Return the treasury; whether the principal is protected is said of the *equity* that is shown beside it."""
        treasury = state.treasury
        protected = treasury.principal_protected
        if self._agent.account.started:
            protected = is_principal_protected(equity, treasury.principal_baseline)
        return _treasury(state, self._agent.services.treasury, protected=protected)

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


@define
class _Said:
    """Put an event and what followed into words when somebody asks: an order that leaves does not wait for them."""

    event: Event
    outcome: Outcome | None
    sequence: int = field(init=False)
    _lines: tuple[DecisionView, ...] = field(init=False, default=())

    def __attrs_post_init__(self) -> None:
        assert self.outcome is not None, "it is let go of later"
        self.sequence = self.outcome.sequence

    def lines(self) -> tuple[DecisionView, ...]:
        """Return the words; the first time, make them, and let go of what they are made of."""
        if self.outcome is not None:
            self._lines = lines_of(_happening(self.event, self.outcome))
            self.outcome = None
        return self._lines


def _happening(event: Event, outcome: Outcome) -> Happening:
    """Return what the journal will tell of *event*."""
    records = outcome.records
    symbols = [record.request.symbol for record in records if isinstance(record, OrderUpdated)]
    return Happening(
        outcome.sequence,
        event.time_ns,
        None if is_market(event) else event,
        outcome.commands,
        outcome.decisions,
        symbols[0] if symbols and hasattr(event, "client_order_id") else "",
        tuple(record.fill for record in records if isinstance(record, FillBooked)),
    )


def _gate(state: CanonicalState) -> GateView:
    flags = state.runtime_flags
    markers = tuple(
        MarkerView(item.code, item.gate.name, item.reason, item.actor, item.since_ns)
        for item in flags.markers.values()
    )
    return GateView(flags.gate.name, flags.gate_epoch, markers)


def _scaled(amount_ns: int, unit_ns: int) -> Decimal:
    """Return *amount_ns* in tenths of the unit: nobody reads more of it."""
    return Decimal(10 * amount_ns // unit_ns).scaleb(-1)


def _treasury(state: CanonicalState, service: TreasuryService, *, protected: bool) -> TreasuryView:
    treasury = state.treasury
    return TreasuryView(
        treasury.principal_baseline,
        treasury.operating_costs_today,
        treasury.reserve_accrual_today,
        treasury.rolling_surplus_30d,
        protected,
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
