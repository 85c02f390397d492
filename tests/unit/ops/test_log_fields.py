"""Each record is said by a constant event name and flat fields."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.config.schema import LogCategory, LogLevel
from meva_core.model.order import OrderStatus
from meva_core.model.state import Gate
from meva_core.ops.log_fields import LOUDEST, category_of, level_of, log_entry
from meva_core.ops.log_records import (
    AlertRaised,
    ControlAnswered,
    DataRejected,
    GateChanged,
    Record,
    VenueCompared,
)
from tests.unit.ops.records import (
    equity_marked,
    fill_booked,
    order_submitted,
    order_updated,
    risk_decided,
    signal_decided,
)

ALERT = AlertRaised(9, RaiseAlert(AlertLevel.CRITICAL, "daily_loss", "", "lost 5 %", {"loss": "50"}))
KILL = GateChanged(8, Gate.KILLED, 3, "kill_switch", "stop {now}", "operator")
CASES: list[tuple[Record, str, str, str]] = [
    (signal_decided(), "signal.generated", "signal_decision", "INFO"),
    (signal_decided("expired"), "signal.rejected", "signal_decision", "INFO"),
    (risk_decided(), "risk.approved", "risk_decision", "INFO"),
    (risk_decided("stale_data"), "risk.refused", "risk_decision", "WARNING"),
    (order_submitted(), "order.submitted", "order_submit", "INFO"),
    (order_updated(OrderStatus.FILLED), "order.filled", "order_update", "INFO"),
    (order_updated(OrderStatus.UNKNOWN), "order.unknown", "order_update", "WARNING"),
    (fill_booked(), "order.fill_booked", "order_update", "INFO"),
    (equity_marked("1"), "account.marked", "treasury", "DEBUG"),
    (KILL, "gate.changed", "control_action", "CRITICAL"),
    (ControlAnswered(9, "r-1", "ann", "Resume", "look again"), "control.refused", "control_action", "INFO"),
    (VenueCompared(9, True, (), 0), "venue.compared", "reconcile", "INFO"),
    (VenueCompared(9, False, ("1 BTC, not 2",), 0), "venue.compared", "reconcile", "WARNING"),
    (DataRejected(9, "BTC/USDT", "price_jump"), "data.rejected", "market_data", "WARNING"),
    (ALERT, "alert.raised", "alert", "CRITICAL"),
]


@pytest.mark.parametrize(("record", "event_type", "category", "level"), CASES)
def test_record_has_name_category_and_level(
    record: Record, event_type: str, category: str, level: str
) -> None:
    """One table says how each record appears."""
    entry = log_entry(record)

    assert (event_type, category, level) == (entry.event_type, entry.category, entry.level)
    assert record.time_ns == entry.time_ns
    assert (LogCategory(category), LogLevel(level)) == (category_of(record), level_of(record))


def test_one_trace_joins_signal_risk_and_order() -> None:
    """The trace id of a decision is the idempotency key of its order."""
    records = (signal_decided(), risk_decided(), order_submitted(), order_updated(OrderStatus.ACCEPTED))

    assert {"cross:BTC/USDT:7"} == {log_entry(record).fields["trace_id"] for record in records}


def test_order_lines_name_both_ids() -> None:
    """What the venue calls the order stands beside what we call it."""
    for record in (order_updated(OrderStatus.ACCEPTED), fill_booked()):
        fields = log_entry(record).fields

        assert ("o-1", "v-9") == (fields["client_order_id"], fields["exchange_order_id"])


def test_money_stays_exact() -> None:
    """Amounts are the Decimals of the record, not text and not floats."""
    fields = log_entry(fill_booked(realized="0.10", fee="0.00000001")).fields

    assert Decimal("0.00000001") == fields["fee"]
    assert Decimal("0.10") == fields["realized"]


def test_text_from_outside_is_data_never_the_name() -> None:
    """An operator's reason with braces stands in a field."""
    entry = log_entry(KILL)

    assert "gate.changed" == entry.event_type
    assert "stop {now}" == entry.fields["reason"]


@pytest.mark.parametrize(
    "record",
    [
        signal_decided(),
        risk_decided(),
        risk_decided("stale_data"),
        order_submitted(),
        *(order_updated(status) for status in OrderStatus),
        *(GateChanged(1, gate, 1, "code", "reason", "actor") for gate in Gate),
        *(AlertRaised(1, RaiseAlert(level, "code", "", "text", {})) for level in AlertLevel),
        DataRejected(1, "BTC/USDT", "stale"),
        VenueCompared(1, False, ("1 BTC, not 2",), 0),
        ControlAnswered(1, "r-1", "ann", "Pause", ""),
    ],
    ids=repr,
)
def test_no_record_is_louder_than_its_kind_can_be(record: Record) -> None:
    """A writer that passes over a whole kind misses nothing."""
    assert logging.getLevelName(level_of(record)) <= logging.getLevelName(LOUDEST[type(record)])
