"""Write a simulated venue's orders and messages as plain rows, and read them back; decide nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_never

from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.execution.venue_orders import VenueOrder
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

Message = OrderRequest | CancelOrder | CancelAllOrders


def order_row(order: VenueOrder) -> dict[str, Any]:
    """Return everything that *order* remembers."""
    return {
        "request": _request_row(order.request),
        "lots": order.lots,
        "open_lots": order.open_lots,
        "limit_ticks": None if order.is_market else order.limit_ticks,
        "sequence": order.sequence,
        "arrived_ns": order.arrived_ns,
        "taking": order.taking,
        "queue_ahead": order.queue_ahead,
    }


def order_from(row: dict[str, Any], instrument: Instrument) -> VenueOrder:
    """Return the order that *row* was written from."""
    request = _request_from(row["request"])
    order = VenueOrder(request, instrument, row["lots"], row["limit_ticks"])
    order.place(row["sequence"], row["arrived_ns"])
    order.open_lots = row["open_lots"]
    order.taking = row["taking"]
    order.queue_ahead = row["queue_ahead"]
    return order


def message_row(message: Message) -> dict[str, Any]:
    """Return a row that names the kind of *message*."""
    match message:
        case OrderRequest():
            return {"kind": "order", "request": _request_row(message)}
        case CancelOrder(symbol, client_order_id, reason):
            return {"kind": "cancel", "symbol": symbol, "client_order_id": client_order_id, "reason": reason}
        case CancelAllOrders(symbol, reason):
            return {"kind": "cancel_all", "symbol": symbol, "reason": reason}
        case _:
            assert_never(message)


def message_from(row: dict[str, Any]) -> Message:
    """Return the message that *row* was written from."""
    if row["kind"] == "order":
        return _request_from(row["request"])
    if row["kind"] == "cancel":
        return CancelOrder(row["symbol"], row["client_order_id"], row["reason"])
    return CancelAllOrders(row["symbol"], row["reason"])


def _request_row(request: OrderRequest) -> dict[str, Any]:
    return {
        "client_order_id": request.client_order_id,
        "idem_key": request.idem_key,
        "strategy": request.strategy,
        "symbol": request.symbol,
        "side": request.side.value,
        "type": request.type.value,
        "time_in_force": request.time_in_force.value,
        "quantity": request.quantity,
        "limit_price": request.limit_price,
        "post_only": request.post_only,
        "reduce_only": request.reduce_only,
    }


def _request_from(row: dict[str, Any]) -> OrderRequest:
    limit_price = row["limit_price"]
    return OrderRequest(
        client_order_id=row["client_order_id"],
        idem_key=row["idem_key"],
        strategy=row["strategy"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        type=OrderType(row["type"]),
        time_in_force=TimeInForce(row["time_in_force"]),
        quantity=Decimal(row["quantity"]),
        limit_price=None if limit_price is None else Decimal(limit_price),
        post_only=row["post_only"],
        reduce_only=row["reduce_only"],
    )
