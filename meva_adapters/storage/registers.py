"""Fill the tables that people query from the entries that pass; the journal remains the truth.

Statuses follow the declared order life cycle. A report that the cycle does not allow leaves the row alone:
the core refuses it in its own place, and its event stands in the journal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final, Self, assert_never, get_args

from attrs import define

from meva_adapters.storage.codec import decode_decimal, encode_decimal
from meva_core.commands import CancelOrder, Command, PlaceOrder, RaiseAlert
from meva_core.events import (
    AgentStarted,
    AlertAcknowledgeRequested,
    CorrectionRequested,
    CostRecorded,
    Event,
    KillReleaseRequested,
    KillRequested,
    ObservedOrder,
    OperatorEvent,
    OrderAcknowledged,
    OrderCanceled,
    OrderCancelRequested,
    OrderDropped,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    PauseRequested,
    ResumeRequested,
    RiskBudgetRequested,
    TransferAnswerRequested,
    VenueStateObserved,
)
from meva_core.execution.order_lifecycle import TRANSITIONS, OrderReport
from meva_core.model.fill import Fill
from meva_core.model.money import EXACT
from meva_core.model.order import OrderStatus
from meva_core.ports.storage import JournalEntry, LedgerRow

_REPORTS: Final[dict[type, OrderReport]] = {
    OrderAcknowledged: OrderReport.ACKNOWLEDGED,
    OrderRejected: OrderReport.REJECTED,
    OrderDropped: OrderReport.DROPPED,
    OrderCanceled: OrderReport.CANCELED,
    OrderExpired: OrderReport.EXPIRED,
    OrderOutcomeUnknown: OrderReport.TIMED_OUT,
}
# What a venue says of an order when asked.
_ASKED: Final = {
    OrderStatus.ACCEPTED.value: OrderReport.ACKNOWLEDGED,
    OrderStatus.PARTIALLY_FILLED.value: OrderReport.ACKNOWLEDGED,
    OrderStatus.CANCELED.value: OrderReport.CANCELED,
    OrderStatus.EXPIRED.value: OrderReport.EXPIRED,
    OrderStatus.REJECTED.value: OrderReport.REJECTED,
}
_ABSENT: Final = "absent "  # Begins the agent's decision that an order was never placed.


@define
class _OrderRow:
    """Hold what changes in an order's row, read and written once per report."""

    client_order_id: str
    quantity: str
    filled_quantity: str
    status: OrderStatus
    venue_order_id: str
    evidence: str
    updated_ns: int

    @classmethod
    def load(cls, connection: sqlite3.Connection, client_order_id: str) -> Self | None:
        """Return the order's row, or `None` for an order that is not ours."""
        found = connection.execute(
            "SELECT quantity, filled_quantity, status, venue_order_id, evidence, updated_ns FROM orders"
            " WHERE client_order_id = ?",
            (client_order_id,),
        ).fetchone()
        if found is None:
            return None
        quantity, filled_quantity, status, *rest = found
        return cls(client_order_id, quantity, filled_quantity, OrderStatus(status), *rest)

    def take(self, report: OrderReport, time_ns: int, evidence: str) -> None:
        """Follow *report* if the life cycle allows it."""
        status = TRANSITIONS[self.status].get(report)
        if status is not None:
            self.status, self.evidence, self.updated_ns = status, evidence, time_ns

    def store(self, connection: sqlite3.Connection) -> None:
        """Write the row back."""
        connection.execute(
            "UPDATE orders SET filled_quantity = ?, status = ?, venue_order_id = ?, evidence = ?,"
            " updated_ns = ? WHERE client_order_id = ?",
            (
                self.filled_quantity,
                self.status.value,
                self.venue_order_id,
                self.evidence,
                self.updated_ns,
                self.client_order_id,
            ),
        )


def register(connection: sqlite3.Connection, entry: JournalEntry) -> None:
    """Write the rows that *entry* gives rise to, inside the caller's transaction."""
    write_event = _EVENTS.get(type(entry.event))
    if write_event is not None:
        write_event(connection, entry.sequence, entry.event)
    for decision in entry.decisions:
        if decision.startswith(_ABSENT):
            name, _, proof = decision.removeprefix(_ABSENT).partition(" ")
            _report(connection, name, OrderReport.PROVED_ABSENT, entry.event.time_ns, proof)
    for command in entry.commands:
        _register_command(connection, entry, command)


def register_ledger(connection: sqlite3.Connection, rows: Iterable[LedgerRow]) -> None:
    """Append *rows* to the ledger, inside the caller's transaction."""
    connection.executemany(
        "INSERT INTO ledger (time_ns, cause, account, asset, amount) VALUES (?, ?, ?, ?, ?)",
        [(row.time_ns, row.cause, row.account, row.asset, encode_decimal(row.amount)) for row in rows],
    )


def _register_command(connection: sqlite3.Connection, entry: JournalEntry, command: Command) -> None:
    time_ns = entry.event.time_ns
    if isinstance(command, PlaceOrder):
        _place(connection, entry.sequence, time_ns, command)
    elif isinstance(command, CancelOrder):
        _report(connection, command.client_order_id, OrderReport.CANCEL_SENT, time_ns, command.reason)
    elif isinstance(command, RaiseAlert):
        connection.execute(
            "INSERT INTO alerts (sequence, time_ns, level, code, subject, message) VALUES (?, ?, ?, ?, ?, ?)",
            (entry.sequence, time_ns, command.level.value, command.code, command.subject, command.message),
        )


def _place(connection: sqlite3.Connection, sequence: int, time_ns: int, command: PlaceOrder) -> None:
    # A later attempt of one id finds its row; the journal holds every attempt.
    request = command.request
    price = None if request.limit_price is None else encode_decimal(request.limit_price)
    connection.execute(
        "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '0', '', '', ?)"
        " ON CONFLICT (client_order_id) DO NOTHING",
        (
            request.client_order_id,
            sequence,
            time_ns,
            request.strategy,
            request.symbol,
            request.side.value,
            request.type.value,
            request.time_in_force.value,
            encode_decimal(request.quantity),
            price,
            OrderStatus.SUBMITTED.value,
            time_ns,
        ),
    )


def _register_answer(connection: sqlite3.Connection, _sequence: int, event: Any) -> None:
    row = _OrderRow.load(connection, event.client_order_id)
    if row is None:
        return
    if isinstance(event, OrderAcknowledged):
        row.venue_order_id = event.venue_order_id
    words = (getattr(event, name, "") for name in ("code", "reason", "problem"))
    row.take(_REPORTS[type(event)], event.time_ns, " ".join(word for word in words if word))
    row.store(connection)


def _register_fill_event(connection: sqlite3.Connection, sequence: int, event: OrderFilled) -> None:
    _register_fill(connection, sequence, event.time_ns, event.fill)


def _register_observation(connection: sqlite3.Connection, sequence: int, event: VenueStateObserved) -> None:
    for fill in event.fills:
        _register_fill(connection, sequence, event.time_ns, fill)
    for order in event.open_orders:
        row = _OrderRow.load(connection, order.client_order_id)
        if row is not None and row.status is OrderStatus.UNKNOWN:
            _adopt(connection, row, order, event.time_ns)


def _register_query(connection: sqlite3.Connection, sequence: int, event: OrderQueryAnswered) -> None:
    for fill in event.fills:
        _register_fill(connection, sequence, event.time_ns, fill)
    row = _OrderRow.load(connection, event.client_order_id)
    if row is not None and event.order is not None:
        _adopt(connection, row, event.order, event.time_ns)


def _adopt(connection: sqlite3.Connection, row: _OrderRow, order: ObservedOrder, time_ns: int) -> None:
    """Take over what the venue says when asked, unless it knows less than the row."""
    report = _ASKED.get(order.status)
    if report is None or order.filled_quantity != decode_decimal(row.filled_quantity):
        return
    if report is OrderReport.ACKNOWLEDGED and order.filled_quantity:
        report = OrderReport.PARTIAL_FILL
    row.venue_order_id = row.venue_order_id or order.venue_order_id
    row.take(report, time_ns, f"the venue says {order.status} when asked")
    row.store(connection)


def _register_start(connection: sqlite3.Connection, _sequence: int, event: AgentStarted) -> None:
    """Mark what waited for an answer when the process ended: nobody knows any more."""
    waiting = (OrderStatus.SUBMITTED.value, OrderStatus.PENDING_CANCEL.value)
    found = connection.execute(
        "SELECT client_order_id FROM orders WHERE status IN (?, ?)", waiting
    ).fetchall()
    for (name,) in found:
        _report(connection, name, OrderReport.TIMED_OUT, event.time_ns, "restarted before the answer")


def _register_fill(connection: sqlite3.Connection, sequence: int, time_ns: int, fill: Fill) -> None:
    cursor = connection.execute(
        "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (
            fill.symbol,
            fill.trade_id,
            sequence,
            time_ns,
            fill.client_order_id,
            fill.venue_order_id,
            fill.side.value,
            encode_decimal(fill.price),
            encode_decimal(fill.quantity),
            encode_decimal(fill.fee),
            fill.fee_asset,
            fill.liquidity.value,
            fill.venue_time_ns,
        ),
    )
    if cursor.rowcount:  # The same fill comes by stream and by poll; it counts once.
        _add_to_order(connection, time_ns, fill)


def _add_to_order(connection: sqlite3.Connection, time_ns: int, fill: Fill) -> None:
    row = _OrderRow.load(connection, fill.client_order_id)
    if row is None:
        return
    filled = EXACT.add(decode_decimal(row.filled_quantity), fill.quantity)
    row.filled_quantity = encode_decimal(filled)
    whole = filled >= decode_decimal(row.quantity)
    report = OrderReport.FINAL_FILL if whole else OrderReport.PARTIAL_FILL
    row.take(report, time_ns, f"fill {fill.trade_id}")
    row.store(connection)


def _report(
    connection: sqlite3.Connection, client_order_id: str, report: OrderReport, time_ns: int, evidence: str
) -> None:
    row = _OrderRow.load(connection, client_order_id)
    if row is not None:
        row.take(report, time_ns, evidence)
        row.store(connection)


def _register_control(connection: sqlite3.Connection, sequence: int, event: OperatorEvent) -> None:
    connection.execute(
        "INSERT INTO controls VALUES (?, ?, ?, ?, ?, ?)",
        (sequence, event.time_ns, event.request_id, type(event).__name__, event.actor, _detail(event)),
    )


def _detail(event: OperatorEvent) -> str:
    match event:
        case PauseRequested() | KillRequested():
            return event.reason
        case ResumeRequested() | KillReleaseRequested():
            return f"epoch {event.expected_epoch}"
        case OrderCancelRequested():
            return f"{event.client_order_id}: {event.reason}"
        case RiskBudgetRequested():
            return encode_decimal(event.new_budget)
        case TransferAnswerRequested():
            return f"{event.transfer_id} {'approved' if event.approved else 'rejected'}: {event.reason}"
        case CorrectionRequested():
            moved = f"{encode_decimal(event.amount)} {event.asset} from {event.source} to {event.target}"
            return f"{event.cause}: {moved}: {event.reason}"
        case AlertAcknowledgeRequested():
            return f"{event.code} {event.subject}".rstrip() + f": {event.reason}"
        case _:
            assert_never(event)


def _register_cost(connection: sqlite3.Connection, sequence: int, event: CostRecorded) -> None:
    amount = encode_decimal(event.amount)
    connection.execute(
        "INSERT INTO costs VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (event.cost_id, sequence, event.time_ns, event.category, event.asset, amount, event.note),
    )


_EVENTS: Final[dict[type[Event], Callable[[sqlite3.Connection, int, Any], None]]] = {
    **dict.fromkeys(_REPORTS, _register_answer),
    OrderFilled: _register_fill_event,
    VenueStateObserved: _register_observation,
    OrderQueryAnswered: _register_query,
    AgentStarted: _register_start,
    **dict.fromkeys(get_args(OperatorEvent), _register_control),
    CostRecorded: _register_cost,
}
