"""Follow every order from its approval to its end, at most once per decision; send nothing, judge no risk.

It is the only writer of the canonical state's `open_orders`. What a venue says about an order moves it along
the table in `order_lifecycle`; what it says about somebody else's order changes nothing here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, get_args

from meva_core.commands import Approved, CancelAllOrders, CancelOrder, PlaceOrder
from meva_core.errors import IdempotencyConflict, InvariantError
from meva_core.events import (
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderExpired,
    OrderOutcomeUnknown,
    OrderRejected,
)
from meva_core.execution.idempotency import ClientOrderIds, payload_hash
from meva_core.execution.order_lifecycle import TERMINAL, OrderReport, next_status
from meva_core.model.fill import Fill
from meva_core.model.market import NEVER_NS
from meva_core.model.money import ZERO
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus
from meva_core.model.state import CanonicalState
from meva_core.model.value import value
from meva_core.portfolio.reservations import release, reserve

# At least so many: late fills and repeated keys concern the recent past; the journal keeps every order for ever.
ENDED_KEPT: Final = 256

# What a venue says of an order when asked, and what that reports. Anything else is not understood (I30).
_REPORT_OF_STATUS: Final = {
    OrderStatus.ACCEPTED.value: OrderReport.ACKNOWLEDGED,
    OrderStatus.PARTIALLY_FILLED.value: OrderReport.ACKNOWLEDGED,
    OrderStatus.FILLED.value: OrderReport.FINAL_FILL,
    OrderStatus.CANCELED.value: OrderReport.CANCELED,
    OrderStatus.EXPIRED.value: OrderReport.EXPIRED,
    OrderStatus.REJECTED.value: OrderReport.REJECTED,
}
_LIVE: Final = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED})

OrderAnswer = (
    OrderAcknowledged | OrderRejected | OrderDropped | OrderCanceled | OrderExpired | OrderOutcomeUnknown
)

# What each answer reports, and the words that are kept as its evidence.
_ANSWERS: Final[dict[type, tuple[OrderReport, Callable[[Any], str]]]] = {
    OrderAcknowledged: (OrderReport.ACKNOWLEDGED, lambda _: "acknowledged"),
    OrderRejected: (OrderReport.REJECTED, lambda answer: f"rejected {answer.code}: {answer.reason}"),
    OrderDropped: (OrderReport.DROPPED, lambda answer: f"dropped: {answer.reason}"),
    OrderCanceled: (OrderReport.CANCELED, lambda answer: f"canceled: {answer.reason}"),
    OrderExpired: (OrderReport.EXPIRED, lambda answer: f"expired: {answer.reason}"),
    OrderOutcomeUnknown: (OrderReport.TIMED_OUT, lambda answer: answer.problem),
}
assert set(_ANSWERS) == set(get_args(OrderAnswer)), "every answer reports something"

# A name of a module is found faster than a member of an enum, and every order looks for these.
_FINAL_FILL: Final = OrderReport.FINAL_FILL
_PARTIAL_FILL: Final = OrderReport.PARTIAL_FILL
# Handed over with the very decision: after a crash nobody knows whether it left (protocol S2).
_HANDED_OVER: Final = next_status("", OrderStatus.INITIALIZED, OrderReport.SENT)


@value
class Repeated:
    """Hold the order whose key was submitted before; nothing is sent."""

    record: OrderRecord


# The command that sends a new order, or the order that was submitted before.
SubmitResult = PlaceOrder | Repeated


@value
class CancelAllResult:
    """Hold the command, and which orders were open when it was given."""

    command: CancelAllOrders
    client_order_ids: tuple[str, ...]


class OrderService:
    """Keep the orders of one agent on one account. Call what moves an order inside `exact()`."""

    def __init__(self, state: CanonicalState, ids: ClientOrderIds) -> None:
        self._state = state
        self._ids = ids
        self._ended: dict[str, OrderRecord] = {}
        self._oldest: deque[OrderRecord] = deque()  # A dict finds its first slowly after many went.
        self._trades: dict[str, set[tuple[str, str]]] = {}
        self._orders_by_key: dict[str, str] = {}
        self._last_decision = 0
        # A recording has no venue that could still tell of a fill: every ended order may be forgotten.
        self._told_until_ns = NEVER_NS

    def submit(self, approved: Approved, idem_key: str) -> SubmitResult:
        """Record the order with its reservation; an equal call returns the same record and no command.

        Raise `IdempotencyConflict` when *idem_key* was used for another payload.
        """
        intent = approved.intent
        if idem_key in self._orders_by_key or intent.decision <= self._last_decision:
            return self._repeated(self._orders_by_key.get(idem_key), idem_key, payload_hash(intent))
        state, quantity, created_ns = self._state, intent.quantity, intent.created_ns
        self._last_decision = intent.decision
        client_order_id = self._ids.name(intent)
        self._orders_by_key[idem_key] = client_order_id
        request = OrderRequest(
            client_order_id,
            idem_key,
            intent.strategy,
            intent.symbol,
            intent.side,
            intent.type,
            intent.time_in_force,
            quantity,
            intent.limit_price,
            intent.post_only,
            intent.reduce_only,
        )
        reserve_asset, reserve_price = approved.reserve_asset, approved.reserve_price
        stamp_ns = created_ns + state.connectivity.clock_offset_ns
        record = OrderRecord(
            request,
            _HANDED_OVER,
            created_ns,
            created_ns,
            intent.reference_price,
            reserve_asset,
            reserve_price,
            ZERO,
            ZERO,
            "",
            "",
            1,
            stamp_ns,  # By place: an argument with a name is made a dict of.
        )
        state.open_orders[client_order_id] = record
        reserve(state, reserve_asset, quantity * reserve_price)
        return PlaceOrder(request, approved, stamp_ns)

    def owns(self, client_order_id: str) -> bool:
        """Return whether an order carries the name of this agent on this account."""
        return self._ids.owns(client_order_id)

    def find(self, client_order_id: str) -> OrderRecord | None:
        """Return an open order, or one that ended lately."""
        return self._state.open_orders.get(client_order_id) or self._ended.get(client_order_id)

    def apply(self, answer: OrderAnswer) -> OrderRecord | None:
        """Take what the venue, or the transport, says of an order; `None` when the order is not ours."""
        client_order_id = answer.client_order_id
        record = self._state.open_orders.get(client_order_id) or self._ended.get(client_order_id)
        if record is None:
            return None
        report, evidence = _ANSWERS[type(answer)]
        status = next_status(client_order_id, record.status, report)
        self._set(record, status, evidence(answer), answer.time_ns)
        if isinstance(answer, OrderAcknowledged):
            record.venue_order_id = answer.venue_order_id
        return record

    def presume_unknown(self, time_ns: int) -> list[OrderRecord]:
        """Take every order that waits for an answer as unknown, after a restart; return those orders."""
        waiting = [
            record
            for record in self._state.open_orders.values()
            if record.status in (OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL)
        ]
        for record in waiting:
            self._move(record, OrderReport.TIMED_OUT, "restarted before the answer", time_ns)
        return waiting

    def prove_absent(self, record: OrderRecord, proof: str, time_ns: int) -> None:
        """End an unknown order of which *proof* says that it was never placed (protocol S4)."""
        self._move(record, OrderReport.PROVED_ABSENT, proof, time_ns)

    def adopt(self, record: OrderRecord, observed: ObservedOrder, time_ns: int) -> bool:
        """Take over what the venue says of an order when asked; return whether that settles the order.

        An answer that knows less than we do is old and changes nothing (fault B3); one that knows of more fills is
        taken once these are booked.
        """
        if observed.filled_quantity != record.filled_quantity:
            return False
        report = _REPORT_OF_STATUS.get(observed.status)
        if report is None:
            return False
        record.venue_order_id = record.venue_order_id or observed.venue_order_id
        if report is OrderReport.ACKNOWLEDGED and record.filled_quantity:
            report = OrderReport.PARTIAL_FILL  # What has filled is part of what is known again.
        self._move(record, report, f"the venue says {observed.status} when asked", time_ns)
        return record.status in TERMINAL or record.status in _LIVE

    def is_booked(self, fill: Fill) -> bool:
        """Return whether this very fill was taken before."""
        return (fill.symbol, fill.trade_id) in self._trades.get(fill.client_order_id, ())

    def apply_fill(self, fill: Fill, time_ns: int) -> OrderRecord | None:
        """Take a fill into its order; `None` when the order is not ours or the fill was taken before.

        The booking key is (symbol, trade id), so a fill that comes by two channels counts once (fault B2). A fill
        that cannot be the order's raises, and changes nothing.
        """
        client_order_id, quantity, key = fill.client_order_id, fill.quantity, (fill.symbol, fill.trade_id)
        record = self._state.open_orders.get(client_order_id) or self._ended.get(client_order_id)
        booked = self._trades.get(client_order_id)
        if record is None or (booked and key in booked):
            return None
        request, filled_before = record.request, record.filled_quantity
        filled = filled_before + quantity
        if not filled_before < filled <= request.quantity or fill.side is not request.side:
            facts = f"{client_order_id}: {fill.side} {filled} of {request.quantity} by trade {fill.trade_id}"
            raise InvariantError("fills stay inside their order", facts)
        report = _FINAL_FILL if filled == request.quantity else _PARTIAL_FILL
        status = next_status(client_order_id, record.status, report)  # Raises before anything has changed.
        if booked is None:
            self._trades[client_order_id] = {key}
        else:
            booked.add(key)
        if status not in TERMINAL and record.status not in TERMINAL:  # Else all that is left goes at the end.
            release(self._state, record.reserve_asset, quantity * record.reserve_price)
        record.filled_notional += fill.price * quantity
        if not record.venue_order_id:
            record.venue_order_id = fill.venue_order_id
        self._set(record, status, f"trade {fill.symbol} {fill.trade_id}", time_ns)
        record.filled_quantity = filled
        return record

    def cancel(self, client_order_id: str, reason: str, time_ns: int) -> CancelOrder | None:
        """Return the command that cancels an open order; `None` when it is not open."""
        record = self._state.open_orders.get(client_order_id)
        if record is None:
            return None
        self._move(record, OrderReport.CANCEL_SENT, f"cancel requested: {reason}", time_ns)
        return CancelOrder(record.request.symbol, client_order_id, reason)

    def cancel_all(self, reason: str, symbol: str | None = None) -> CancelAllResult:
        """Return the command that cancels everything of ours, on *symbol* or everywhere.

        It is given even when no order is known to be open: what is not known may be there (invariant I14).
        """
        known = [
            client_order_id
            for client_order_id, record in self._state.open_orders.items()
            if symbol in (None, record.request.symbol)
        ]
        return CancelAllResult(CancelAllOrders(symbol, reason), tuple(known))

    def told_until(self, time_ns: int) -> None:
        """Learn that the venue has told of every fill before *time_ns*: only orders that ended earlier are forgotten.

        Whoever forgot an order could not book the fill of it that a stream lost (fault B2).
        """
        self._told_until_ns = time_ns
        self._forget()

    def snapshot(self) -> dict[str, Any]:
        """Return the memory beyond the canonical state."""
        return {
            "told_until_ns": self._told_until_ns,
            "last_decision": self._last_decision,
            "ended": list(self._ended.values()),
            "trades": {order: sorted(trades) for order, trades in self._trades.items()},
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned; the state's open orders come with the state."""
        self._told_until_ns = memory["told_until_ns"]
        self._last_decision = memory["last_decision"]
        self._ended = {each.request.client_order_id: each for each in memory["ended"]}
        self._oldest = deque(self._ended.values())
        self._trades = {order: {tuple(key) for key in trades} for order, trades in memory["trades"].items()}
        remembered = (*self._state.open_orders.values(), *self._ended.values())
        self._orders_by_key = {each.request.idem_key: each.request.client_order_id for each in remembered}

    def _repeated(self, known_order: str | None, idem_key: str, payload: str) -> SubmitResult:
        record = None if known_order is None else self.find(known_order)
        known = "of the past" if record is None else payload_hash(record.request)
        if record is None or known != payload:
            raise IdempotencyConflict(idem_key, known, payload)
        return Repeated(record)

    def _move(self, record: OrderRecord, report: OrderReport, evidence: str, time_ns: int) -> None:
        status = next_status(record.request.client_order_id, record.status, report)
        self._set(record, status, evidence, time_ns)

    def _set(self, record: OrderRecord, status: OrderStatus, evidence: str, time_ns: int) -> None:
        before = record.status
        record.status, record.updated_ns, record.evidence = status, time_ns, evidence
        if status in TERMINAL and before not in TERMINAL:
            self._end(record)

    def _end(self, record: OrderRecord) -> None:
        state, ended, request = self._state, self._ended, record.request
        open_quantity = request.quantity - record.filled_quantity
        release(state, record.reserve_asset, open_quantity * record.reserve_price)
        del state.open_orders[request.client_order_id]
        ended[request.client_order_id] = record
        self._oldest.append(record)
        if len(ended) > ENDED_KEPT:
            self._forget()

    def _forget(self) -> None:
        ended, oldest = self._ended, self._oldest
        while len(ended) > ENDED_KEPT and oldest[0].updated_ns < self._told_until_ns:
            request = oldest.popleft().request
            del ended[request.client_order_id]
            self._trades.pop(request.client_order_id, None)
            self._orders_by_key.pop(request.idem_key, None)
