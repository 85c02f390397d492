"""Follow the orders of a session from its journal along the declared life cycle; decide and send nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Any, Final

from meva_core.execution.order_lifecycle import TERMINAL, TRANSITIONS, OrderReport
from meva_core.execution.order_service import ENDED_KEPT
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.money import EXACT
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus, OrderType, TimeInForce
from meva_core.ops.report_collector import OrderLine

REPORTS: Final = {
    "OrderAcknowledged": OrderReport.ACKNOWLEDGED,
    "OrderRejected": OrderReport.REJECTED,
    "OrderDropped": OrderReport.DROPPED,
    "OrderCanceled": OrderReport.CANCELED,
    "OrderExpired": OrderReport.EXPIRED,
    "OrderOutcomeUnknown": OrderReport.TIMED_OUT,
}
# What a venue says of an order when asked.
ASKED: Final = {
    OrderStatus.ACCEPTED.value: OrderReport.ACKNOWLEDGED,
    OrderStatus.PARTIALLY_FILLED.value: OrderReport.ACKNOWLEDGED,
    OrderStatus.CANCELED.value: OrderReport.CANCELED,
    OrderStatus.EXPIRED.value: OrderReport.EXPIRED,
    OrderStatus.REJECTED.value: OrderReport.REJECTED,
}
_SIDES: Final = {side.value: side for side in Side}
# Sizes and prices come again and again: one value for all of them saves a quarter of what is kept of an order.
amount_of: Final = lru_cache(maxsize=4_096)(Decimal)
_LIQUIDITY: Final = {kind.value: kind for kind in Liquidity}
_TYPES: Final = {kind.value: kind for kind in OrderType}
_TIMES_IN_FORCE: Final = {kind.value: kind for kind in TimeInForce}


class SessionOrders:
    """Know every open order and the last ended ones, as the agent did; *open* is the agent's own dictionary."""

    def __init__(self, open_orders: dict[str, OrderRecord]) -> None:
        self.open = open_orders
        self._lines: dict[str, OrderLine] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def place(self, placed: Mapping[str, Any], time_ns: int) -> OrderLine:
        """Take an order from the stored form of the command that sent it."""
        line = _line(placed, time_ns)
        name = line.record.request.client_order_id
        known = self._lines.get(name)
        if known is not None:  # A later attempt of the same order.
            return known
        self._lines[name] = line
        self.open[name] = line.record
        return line

    def find(self, client_order_id: str) -> OrderLine | None:
        """Return an order, or `None` for one that is not ours or ended long ago."""
        return self._lines.get(client_order_id)

    def report(self, client_order_id: str, report: OrderReport, time_ns: int, evidence: str) -> None:
        """Follow *report* if the life cycle allows it; the agent refused any other in its own place."""
        line = self._lines.get(client_order_id)
        if line is None:
            return
        record = line.record
        status = TRANSITIONS[record.status].get(report)
        if status is None:
            return
        record.status, record.evidence, record.updated_ns = status, evidence, time_ns
        if report is OrderReport.ACKNOWLEDGED and not line.acknowledged_ns:
            line.acknowledged_ns = time_ns
        if status in TERMINAL and not line.ended_ns:
            self._end(line, client_order_id, time_ns)

    def fill(self, line: OrderLine, quantity: Decimal, time_ns: int, evidence: str) -> None:
        """Add what was filled."""
        record = line.record
        record.filled_quantity = EXACT.add(record.filled_quantity, quantity)
        line.first_fill_ns = line.first_fill_ns or time_ns
        whole = record.filled_quantity >= record.request.quantity
        report = OrderReport.FINAL_FILL if whole else OrderReport.PARTIAL_FILL
        self.report(record.request.client_order_id, report, time_ns, evidence)

    def ask_all(self, report: OrderReport, time_ns: int, evidence: str) -> None:
        """Follow *report* for every open order."""
        for name in tuple(self.open):
            self.report(name, report, time_ns, evidence)

    def _end(self, line: OrderLine, client_order_id: str, time_ns: int) -> None:
        line.ended_ns = time_ns
        self.open.pop(client_order_id, None)
        self._ended[client_order_id] = None
        if len(self._ended) > ENDED_KEPT:
            oldest, _ = self._ended.popitem(last=False)
            del self._lines[oldest]


def _line(placed: Mapping[str, Any], time_ns: int) -> OrderLine:
    asked, approved = placed["request"], placed["approved"]
    intent = approved["intent"]
    limit_price = asked["limit_price"]
    request = OrderRequest(
        asked["client_order_id"],
        asked["idem_key"],
        intern(asked["strategy"]),
        intern(asked["symbol"]),
        _SIDES[asked["side"]],
        _TYPES[asked["type"]],
        _TIMES_IN_FORCE[asked["time_in_force"]],
        amount_of(asked["quantity"]),
        None if limit_price is None else amount_of(limit_price),
        asked["post_only"],
        asked["reduce_only"],
    )
    record = OrderRecord(
        request,
        OrderStatus.SUBMITTED,
        time_ns,
        time_ns,
        amount_of(intent["reference_price"]),
        intern(approved["reserve_asset"]),
        amount_of(approved["reserve_price"]),
    )
    return OrderLine(record, intent["decision"], amount_of(approved["notional"]))


def stored_fill(told: Mapping[str, Any]) -> Fill:
    """Return a fill from its stored form."""
    return Fill(
        intern(told["symbol"]),
        told["trade_id"],
        told["client_order_id"],
        told["venue_order_id"],
        _SIDES[told["side"]],
        amount_of(told["price"]),
        amount_of(told["quantity"]),
        amount_of(told["fee"]),
        intern(told["fee_asset"]),
        _LIQUIDITY[told["liquidity"]],
        told["venue_time_ns"],
    )
