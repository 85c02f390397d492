"""Name every metric, and derive measurements from records and state; send none and keep none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from attrs import frozen

from meva_core.model.money import EXACT
from meva_core.model.order import OrderStatus
from meva_core.model.state import CanonicalState, Gate
from meva_core.ops.log_records import (
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
from meva_core.ports.metrics import MetricsSink


class Kind(StrEnum):
    """Tell how a value adds to what was measured before."""

    COUNTER = "counter"  # Adds up.
    GAUGE = "gauge"  # Replaces.
    TIMING = "timing"  # Joins a distribution, in milliseconds.


class Origin(StrEnum):
    """Tell who measures."""

    RECORD = "record"  # `metrics_of`, as it happens.
    STATE = "state"  # `metrics_of_state`, at every heartbeat and at the end.
    RUNTIME = "runtime"  # The runner, which alone has a clock and connections.


@frozen
class Metric:
    """Describe one metric; *tags* are the names of its tags."""

    kind: Kind
    unit: str
    origin: Origin
    meaning: str
    tags: tuple[str, ...] = ()


_COUNTER, _GAUGE, _TIMING = Kind.COUNTER, Kind.GAUGE, Kind.TIMING
_RECORD, _STATE, _RUNTIME = Origin.RECORD, Origin.STATE, Origin.RUNTIME
_MONEY: Final = "reporting currency"

METRICS: Final[Mapping[str, Metric]] = {
    "md_latency_ms": Metric(
        _TIMING, "ms", _RUNTIME, "from the venue's time to ours, market data", ("symbol",)
    ),
    "md_staleness_s": Metric(_GAUGE, "s", _RUNTIME, "age of the newest market data", ("symbol",)),
    "ws_reconnect_count": Metric(_GAUGE, "reconnects", _STATE, "stream reconnects since the start"),
    "signals_generated_total": Metric(_COUNTER, "signals", _RECORD, "answers of strategies, valid or not"),
    "signals_rejected_total": Metric(_COUNTER, "signals", _RECORD, "invalid answers", ("reason",)),
    "risk_reject_total": Metric(
        _COUNTER, "refusals", _RECORD, "risk rules that refused an intent", ("code",)
    ),
    "daily_loss_pct": Metric(
        _GAUGE, "%", _STATE, "today's loss of the equity at the day's start; 0 in profit"
    ),
    "drawdown_pct": Metric(_GAUGE, "%", _RECORD, "fall of equity from its peak"),
    "kill_switch_active": Metric(_GAUGE, "0 or 1", _RECORD, "whether trading is killed"),
    "order_submit_total": Metric(
        _COUNTER, "orders", _RECORD, "submissions, and what came of them", ("status",)
    ),
    "order_retry_total": Metric(
        _COUNTER, "retries", _RUNTIME, "queries and cancels tried again; orders never are"
    ),
    "fill_ratio": Metric(_GAUGE, "0 to 1", _RECORD, "filled share of an order that has ended", ("symbol",)),
    "slippage_bps": Metric(
        _GAUGE, "bps", _RECORD, "fill against decision price; positive costs", ("symbol",)
    ),
    "reconcile_drift_count": Metric(_GAUGE, "differences", _RECORD, "unresolved differences from the venue"),
    "realized_pnl": Metric(_GAUGE, _MONEY, _STATE, "realized result since the start, before fees"),
    "fees_paid": Metric(_GAUGE, _MONEY, _STATE, "fees since the start"),
    "operating_costs": Metric(_GAUGE, _MONEY, _STATE, "operating costs of today"),
    "rolling_surplus_30d": Metric(_GAUGE, _MONEY, _STATE, "surplus of the last 30 days"),
    "principal_protected": Metric(_GAUGE, "0 or 1", _STATE, "whether the principal is whole"),
    "tick_duration_ms": Metric(_TIMING, "ms", _RUNTIME, "time to handle one tick"),
    "tick_failures_total": Metric(_COUNTER, "ticks", _RUNTIME, "ticks that ended in an error"),
    "heartbeat_lag_ms": Metric(_TIMING, "ms", _RUNTIME, "how late the heartbeat came"),
}

# What a submission can lead to; later changes of the order are no longer about submitting it.
_SUBMIT_OUTCOMES: Final = frozenset(
    {OrderStatus.ACCEPTED, OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.UNKNOWN}
)
_ENDED: Final = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED})
_NO_TAGS: Final[Mapping[str, str]] = {}


class Measurement(NamedTuple):
    """Hold one measured value. Floats are for people and charts; decisions never read them."""

    kind: Kind
    name: str
    value: float
    tags: Mapping[str, str] = _NO_TAGS


def metrics_of(record: Record) -> Iterable[Measurement]:
    """Yield what *record* measures; most records measure one or two things, some nothing."""
    match record:
        case SignalDecided():
            yield Measurement(_COUNTER, "signals_generated_total", 1)
            if record.reject_reason:
                yield Measurement(_COUNTER, "signals_rejected_total", 1, {"reason": record.reject_reason})
        case RiskDecided():
            for code in record.codes:
                yield Measurement(_COUNTER, "risk_reject_total", 1, {"code": code})
        case OrderSubmitted():
            yield Measurement(_COUNTER, "order_submit_total", 1, {"status": OrderStatus.SUBMITTED.value})
        case OrderUpdated():
            yield from _order_metrics(record)
        case FillBooked():
            tags = {"symbol": record.fill.symbol}
            yield Measurement(_GAUGE, "slippage_bps", record.slippage_bps, tags)
        case EquityMarked():
            peak = EXACT.add(record.equity, record.drawdown)
            yield Measurement(_GAUGE, "drawdown_pct", _percent(record.drawdown, peak))
        case GateChanged():
            yield Measurement(_GAUGE, "kill_switch_active", float(record.gate is Gate.KILLED))
        case VenueCompared():
            yield Measurement(_GAUGE, "reconcile_drift_count", float(len(record.differences)))
        case _:  # Alerts and refused data speak through logs and alert channels.
            return


def metrics_of_state(state: CanonicalState, *, equity: Decimal) -> Iterable[Measurement]:
    """Yield what is a level rather than an event; *equity* is the account's value now."""
    pnl, treasury = state.pnl, state.treasury
    day_open = EXACT.subtract(equity, pnl.pnl_today)
    loss = EXACT.minus(pnl.pnl_today) if pnl.pnl_today < 0 else Decimal(0)
    yield Measurement(_GAUGE, "daily_loss_pct", _percent(loss, day_open))
    yield Measurement(_GAUGE, "drawdown_pct", _percent(pnl.drawdown, EXACT.add(equity, pnl.drawdown)))
    yield Measurement(_GAUGE, "kill_switch_active", float(state.runtime_flags.kill_switch_active))
    yield Measurement(_GAUGE, "realized_pnl", float(pnl.realized))
    yield Measurement(_GAUGE, "fees_paid", float(pnl.fees))
    yield Measurement(_GAUGE, "operating_costs", float(treasury.operating_costs_today))
    yield Measurement(_GAUGE, "rolling_surplus_30d", float(treasury.rolling_surplus_30d))
    yield Measurement(_GAUGE, "principal_protected", float(treasury.principal_protected))
    yield Measurement(_GAUGE, "ws_reconnect_count", float(state.connectivity.reconnects))


def emit(sink: MetricsSink, measurements: Iterable[Measurement]) -> None:
    """Hand *measurements* to *sink*, each by its kind."""
    for kind, name, value, tags in measurements:
        match kind:
            case Kind.COUNTER:
                sink.incr(name, int(value), tags)
            case Kind.GAUGE:
                sink.gauge(name, value, tags)
            case Kind.TIMING:
                sink.timing_ms(name, value, tags)


def _order_metrics(record: OrderUpdated) -> Iterable[Measurement]:
    status, request = record.status, record.request
    if status in _SUBMIT_OUTCOMES:
        yield Measurement(_COUNTER, "order_submit_total", 1, {"status": status.value})
    filled = request.quantity if status is OrderStatus.FILLED else record.filled_quantity
    if status in _ENDED and filled is not None:
        ratio = float(filled) / float(request.quantity)
        yield Measurement(_GAUGE, "fill_ratio", ratio, {"symbol": request.symbol})


def _percent(part: Decimal, whole: Decimal) -> float:
    return 100 * float(part) / float(whole) if whole > 0 else 0.0
