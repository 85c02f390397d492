"""Say each record as flat fields for a structured log: which event, how loud, about what; write nothing.

The event name is constant and the data stands in fields, so no text from outside ever becomes a message.
"""

from __future__ import annotations

from typing import Any, Final, get_args

from attrs import frozen

from meva_core.commands import AlertLevel
from meva_core.config.schema import LogCategory, LogLevel
from meva_core.model.order import OrderStatus
from meva_core.model.state import Gate
from meva_core.ops.log_records import (
    AlertRaised,
    ControlAnswered,
    DataRejected,
    DayClosed,
    EquityMarked,
    FillBooked,
    GateChanged,
    MoneyBooked,
    OrderSubmitted,
    OrderUpdated,
    Record,
    RiskDecided,
    SignalDecided,
    VenueCompared,
)


@frozen
class LogEntry:
    """Hold what one record says; *fields* are the columns that apply to it, and its own data."""

    time_ns: int
    level: LogLevel
    category: LogCategory
    event_type: str
    fields: dict[str, Any]


_LEVEL_OF_ALERT: Final = {
    AlertLevel.INFO: LogLevel.INFO,
    AlertLevel.MEDIUM: LogLevel.WARNING,
    AlertLevel.HIGH: LogLevel.ERROR,
    AlertLevel.CRITICAL: LogLevel.CRITICAL,
}
_LEVEL_OF_GATE: Final = {
    Gate.OPEN: LogLevel.INFO,
    Gate.REDUCE_ONLY: LogLevel.WARNING,
    Gate.PAUSED: LogLevel.WARNING,
    Gate.KILLED: LogLevel.CRITICAL,
}
_LOUD_STATUSES: Final = frozenset({OrderStatus.UNKNOWN, OrderStatus.REJECTED, OrderStatus.DENIED})
_CATEGORY_OF_RECORD: Final[dict[type, LogCategory]] = {
    SignalDecided: LogCategory.SIGNAL_DECISION,
    RiskDecided: LogCategory.RISK_DECISION,
    OrderSubmitted: LogCategory.ORDER_SUBMIT,
    OrderUpdated: LogCategory.ORDER_UPDATE,
    FillBooked: LogCategory.ORDER_UPDATE,
    EquityMarked: LogCategory.TREASURY,
    GateChanged: LogCategory.CONTROL_ACTION,
    ControlAnswered: LogCategory.CONTROL_ACTION,
    VenueCompared: LogCategory.RECONCILE,
    DataRejected: LogCategory.MARKET_DATA,
    AlertRaised: LogCategory.ALERT,
    MoneyBooked: LogCategory.TREASURY,
    DayClosed: LogCategory.TREASURY,
}


# The loudest that a record of each kind can be, so that a writer can pass over whole kinds unseen.
LOUDEST: Final[dict[type, LogLevel]] = {
    SignalDecided: LogLevel.INFO,
    RiskDecided: LogLevel.WARNING,
    OrderSubmitted: LogLevel.INFO,
    OrderUpdated: LogLevel.WARNING,
    FillBooked: LogLevel.INFO,
    EquityMarked: LogLevel.DEBUG,
    GateChanged: LogLevel.CRITICAL,
    ControlAnswered: LogLevel.INFO,
    VenueCompared: LogLevel.WARNING,
    DataRejected: LogLevel.WARNING,
    AlertRaised: LogLevel.CRITICAL,
    MoneyBooked: LogLevel.INFO,
    DayClosed: LogLevel.INFO,
}
assert set(LOUDEST) == set(_CATEGORY_OF_RECORD) == set(get_args(Record)), "every kind of record is known"


def category_of(record: Record) -> LogCategory:
    """Return what *record* is about."""
    return _CATEGORY_OF_RECORD[type(record)]


def level_of(record: Record) -> LogLevel:
    """Return how loud *record* is; cheap, so that a quiet log costs next to nothing."""
    match record:
        case EquityMarked():
            return LogLevel.DEBUG
        case OrderUpdated():
            return LogLevel.WARNING if record.status in _LOUD_STATUSES else LogLevel.INFO
        case RiskDecided():
            return LogLevel.INFO if record.approved else LogLevel.WARNING
        case VenueCompared():
            return LogLevel.WARNING if record.differences else LogLevel.INFO
        case DataRejected():
            return LogLevel.WARNING
        case GateChanged():
            return _LEVEL_OF_GATE[record.gate]
        case AlertRaised():
            return _LEVEL_OF_ALERT[record.alert.level]
        case _:
            return LogLevel.INFO


def log_entry(record: Record) -> LogEntry:
    """Return everything a log line says about *record*."""
    event_type, fields = _said(record)
    return LogEntry(record.time_ns, level_of(record), category_of(record), event_type, fields)


def _said(record: Record) -> tuple[str, dict[str, Any]]:
    match record:
        case SignalDecided():
            return _signal(record)
        case RiskDecided():
            return _risk(record)
        case OrderSubmitted():
            price = {"decision_price": record.decision_price, "decision": record.decision}
            return "order.submitted", _order_columns(record) | _order_data(record) | price
        case OrderUpdated():
            return f"order.{record.status.value}", _order_columns(record) | {
                "exchange_order_id": record.venue_order_id,
                "evidence": record.evidence,
                "filled_quantity": record.filled_quantity,
            }
        case FillBooked():
            return "order.fill_booked", _fill(record)
        case EquityMarked():
            return "account.marked", {
                "equity": record.equity,
                "exposure": record.exposure,
                "drawdown": record.drawdown,
            }
        case GateChanged():
            return "gate.changed", {
                "gate": record.gate.name.lower(),
                "epoch": record.epoch,
                "code": record.code,
                "reason": record.reason,
                "actor": record.actor,
            }
        case ControlAnswered():
            return "control.refused" if record.refusal else "control.granted", {
                "request": record.request,
                "request_id": record.request_id,
                "actor": record.actor,
                "refusal": record.refusal,
            }
        case VenueCompared():
            return "venue.compared", {
                "stale": record.stale,
                "differences": record.differences,
                "unsettled": record.unsettled,
            }
        case MoneyBooked():
            return "money.booked", {"cause": record.entry.cause}
        case DayClosed():
            return "day.closed", {
                "opening": record.why.opening,
                "price": record.why.price,
                "fees": record.why.fees,
                "transfers": record.why.transfers,
                "closing": record.why.closing,
                "result": record.day.result,
                "costs": record.day.costs,
                "surplus": record.day.surplus,
                "reserve_accrual": record.day.accrual,
                "rolling_surplus_30d": record.rolling_surplus_30d,
                "reserve": record.reserve,
            }
        case DataRejected():
            return "data.rejected", {"symbol": record.symbol, "problem": record.problem}
        case AlertRaised():
            return "alert.raised", {
                "code": record.alert.code,
                "subject": record.alert.subject,
                "text": record.alert.message,
                "context": record.alert.context,
            }


def _signal(record: SignalDecided) -> tuple[str, dict[str, Any]]:
    signal = record.signal
    event_type = "signal.rejected" if record.reject_reason else "signal.generated"
    return event_type, _decision_columns(record) | {
        "side": signal.side,
        "quantity": signal.quantity,
        "type": signal.type,
        "limit_price": signal.limit_price,
        "confidence": signal.confidence,
        "edge_bps": signal.edge_bps,
        "reason": signal.reason,
        "reject_reason": record.reject_reason,
    }


def _risk(record: RiskDecided) -> tuple[str, dict[str, Any]]:
    event_type = "risk.approved" if record.approved else "risk.refused"
    return event_type, _decision_columns(record) | {
        "codes": record.codes,
        "explanation": record.explanation,
    }


def _fill(record: FillBooked) -> dict[str, Any]:
    fill = record.fill
    return {
        "symbol": fill.symbol,
        "strategy": record.strategy,
        "client_order_id": fill.client_order_id,
        "exchange_order_id": fill.venue_order_id,
        "trade_id": fill.trade_id,
        "side": fill.side,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "liquidity": fill.liquidity,
        "realized": record.realized,
        "slippage_bps": record.slippage_bps,
    }


def _decision_columns(record: SignalDecided | RiskDecided) -> dict[str, Any]:
    """Return the columns of a decision; the trace id is the idempotency key of the order it may lead to."""
    return {
        "symbol": record.symbol,
        "strategy": record.strategy,
        "trace_id": f"{record.strategy}:{record.symbol}:{record.decision}",
        "decision": record.decision,
    }


def _order_columns(record: OrderSubmitted | OrderUpdated) -> dict[str, Any]:
    request = record.request
    return {
        "symbol": request.symbol,
        "strategy": request.strategy,
        "client_order_id": request.client_order_id,
        "trace_id": request.idem_key,
    }


def _order_data(record: OrderSubmitted) -> dict[str, Any]:
    request = record.request
    return {
        "side": request.side,
        "type": request.type,
        "time_in_force": request.time_in_force,
        "quantity": request.quantity,
        "limit_price": request.limit_price,
        "post_only": request.post_only,
        "reduce_only": request.reduce_only,
    }
