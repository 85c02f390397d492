"""Every metric of the specification exists, and records and state measure what the table says."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

import pytest

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.model.order import OrderStatus
from meva_core.model.state import (
    CanonicalState,
    ConnectivityState,
    Gate,
    PnLSnapshot,
    RiskLimits,
    RuntimeFlags,
    SequenceState,
    TreasurySnapshot,
)
from meva_core.ops.log_records import AlertRaised, DataRejected, GateChanged, Record, VenueCompared
from meva_core.ops.metrics import METRICS, Kind, Measurement, Origin, emit, metrics_of, metrics_of_state
from tests.unit.ops.records import (
    equity_marked,
    fill_booked,
    order_submitted,
    order_updated,
    risk_decided,
    signal_decided,
)

SPECIFIED = [
    "md_latency_ms",
    "md_staleness_s",
    "ws_reconnect_count",
    "signals_generated_total",
    "signals_rejected_total",
    "risk_reject_total",
    "daily_loss_pct",
    "drawdown_pct",
    "kill_switch_active",
    "order_submit_total",
    "order_retry_total",
    "fill_ratio",
    "slippage_bps",
    "reconcile_drift_count",
    "realized_pnl",
    "fees_paid",
    "operating_costs",
    "rolling_surplus_30d",
    "principal_protected",
    "tick_duration_ms",
    "tick_failures_total",
    "heartbeat_lag_ms",
]

RECORDS: list[Record] = [
    signal_decided(),
    signal_decided("expired"),
    risk_decided(),
    risk_decided("stale_data", "order_rate"),
    order_submitted(),
    *(order_updated(status, "1") for status in OrderStatus),
    fill_booked(slippage_bps=2.5),
    equity_marked("900", drawdown="100"),
    GateChanged(8, Gate.KILLED, 1, "kill_switch", "", "operator"),
    DataRejected(9, "BTC/USDT", "price_jump"),
    VenueCompared(9, False, ("the venue holds 1 BTC, the books say 2",), 1),
    AlertRaised(9, RaiseAlert(AlertLevel.HIGH, "stale", "", "stale", {})),
]


def measured(record: Record) -> list[tuple[str, float, dict[str, str]]]:
    """Return name, value and tags of what *record* measures."""
    return [(name, value, dict(tags)) for _, name, value, tags in metrics_of(record)]


def state(*, pnl: PnLSnapshot) -> CanonicalState:
    """Return a state in which only *pnl* is of interest."""
    limit = Decimal(1)
    return CanonicalState(
        as_of_ns=0,
        mode="paper",
        reporting_currency="USDT",
        runtime_flags=RuntimeFlags(kill_switch_active=True),
        balances={},
        positions={},
        open_orders={},
        fills=deque(),
        risk_limits=RiskLimits(limit, limit, limit, limit, limit, 1),
        pnl=pnl,
        treasury=TreasurySnapshot(operating_costs_today=Decimal("1.5"), rolling_surplus_30d=Decimal(-3)),
        connectivity=ConnectivityState(reconnects=4),
        sequence=SequenceState(),
    )


def test_table_is_the_specification() -> None:
    """No metric is missing, and none is invented."""
    assert sorted(SPECIFIED) == sorted(METRICS)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_measure_what_the_table_lists(record: Record) -> None:
    """Name, kind, origin and tags of each measurement are those of the table."""
    for kind, name, _, tags in metrics_of(record):
        metric = METRICS[name]

        assert (metric.kind, Origin.RECORD, metric.tags) == (kind, metric.origin, tuple(tags))


def test_every_metric_of_records_is_measured() -> None:
    """What the table says to come from records does come from some record."""
    names = {name for record in RECORDS for _, name, _, _ in metrics_of(record)}

    assert {name for name, metric in METRICS.items() if metric.origin is Origin.RECORD} == names


def test_rejected_signal_was_generated_too() -> None:
    """The rejected are a share of the generated."""
    expected = [("signals_generated_total", 1, {}), ("signals_rejected_total", 1, {"reason": "expired"})]

    assert expected == measured(signal_decided("expired"))


def test_each_refusing_rule_counts() -> None:
    """Two rules that refuse are two counts."""
    expected = [("risk_reject_total", 1, {"code": code}) for code in ("stale_data", "order_rate")]

    assert expected == measured(risk_decided("stale_data", "order_rate"))


@pytest.mark.parametrize(
    ("status", "filled", "ratio"),
    [
        (OrderStatus.FILLED, None, 1.0),
        (OrderStatus.CANCELED, "0.5", 0.25),
        (OrderStatus.EXPIRED, "0", 0.0),
    ],
)
def test_fill_ratio_comes_with_the_end_of_an_order(
    status: OrderStatus, filled: str | None, ratio: float
) -> None:
    """Of 2 BTC so much was filled when the order ended."""
    assert [("fill_ratio", ratio, {"symbol": "BTC/USDT"})] == measured(order_updated(status, filled))


def test_unknown_filled_quantity_is_no_zero() -> None:
    """Where nobody says how much was filled, no ratio is made up."""
    assert [] == measured(order_updated(OrderStatus.CANCELED))


def test_drawdown_is_of_the_peak() -> None:
    """100 below a peak of 1000 is 10 %."""
    assert [("drawdown_pct", 10.0, {})] == measured(equity_marked("900", drawdown="100"))


def test_only_a_kill_sets_the_kill_gauge() -> None:
    """A pause is no kill, and opening resets it."""
    gauges = [measured(GateChanged(1, gate, 1, "", "", ""))[0][1] for gate in Gate]

    assert [0.0, 0.0, 0.0, 1.0] == gauges


def test_state_gives_every_level() -> None:
    """Losing 50 of 1000 today is 5 %; results and costs are the state's."""
    pnl = PnLSnapshot(realized=Decimal(-40), fees=Decimal(10), pnl_today=Decimal(-50), drawdown=Decimal(50))
    levels = {name: value for _, name, value, _ in metrics_of_state(state(pnl=pnl), equity=Decimal(950))}

    assert {
        "daily_loss_pct": 5.0,
        "drawdown_pct": 5.0,
        "kill_switch_active": 1.0,
        "realized_pnl": -40.0,
        "fees_paid": 10.0,
        "operating_costs": 1.5,
        "rolling_surplus_30d": -3.0,
        "principal_protected": 1.0,
        "ws_reconnect_count": 4.0,
    } == levels


def test_a_profitable_day_has_no_loss() -> None:
    """The daily loss is zero in profit, never negative."""
    measurements = metrics_of_state(state(pnl=PnLSnapshot(pnl_today=Decimal(7))), equity=Decimal(107))

    assert 0.0 == next(each.value for each in measurements if each.name == "daily_loss_pct")


def test_every_metric_of_the_state_is_measured() -> None:
    """What the table says to come from the state does come from it."""
    names = {each.name for each in metrics_of_state(state(pnl=PnLSnapshot()), equity=Decimal(1))}

    assert {name for name, metric in METRICS.items() if metric.origin is Origin.STATE} <= names


class _Calls:
    """A sink that remembers which of its methods was called with what."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, float]] = []

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        self.made.append(("incr", name, value))

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        self.made.append(("gauge", name, value))

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        self.made.append(("timing_ms", name, value))


def test_emit_uses_the_kind() -> None:
    """Counters are added, gauges set, timings recorded."""
    sink = _Calls()

    emit(sink, [Measurement(kind, kind.value, 2) for kind in Kind])

    assert [("incr", "counter", 2), ("gauge", "gauge", 2), ("timing_ms", "timing", 2)] == sink.made
