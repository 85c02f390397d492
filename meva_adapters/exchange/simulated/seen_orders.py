"""Follow each order by what its matching engine says of it, as a venue would tell of it when asked; match nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from attrs import evolve

from meva_core.events import (
    Event,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
)
from meva_core.execution.clearing import TRADES_KEPT
from meva_core.model.order import OrderRequest, OrderStatus

# As many as own trades are kept of a symbol, without which an answer settles no order: four minutes at four orders a
# second. Whoever asks about an order does so within seconds.
ENDED_MAX: Final = TRADES_KEPT
_OPEN: Final = (OrderStatus.ACCEPTED.value, OrderStatus.PARTIALLY_FILLED.value)

Change = OrderFilled | OrderCanceled | OrderExpired


def order_taken(request: OrderRequest, answer: OrderAcknowledged) -> ObservedOrder:
    """Return the order that the venue has just taken."""
    return ObservedOrder(
        request.client_order_id,
        answer.venue_order_id,
        request.symbol,
        request.side,
        request.quantity,
        Decimal(0),
        OrderStatus.ACCEPTED.value,
    )


def order_after(seen: ObservedOrder, change: Change) -> ObservedOrder:
    """Return *seen* as it is after *change*, which is about it."""
    match change:
        case OrderFilled(fill=fill):
            filled = seen.filled_quantity + fill.quantity
            status = OrderStatus.FILLED if filled == seen.quantity else OrderStatus.PARTIALLY_FILLED
            return evolve(seen, filled_quantity=filled, status=status.value)
        case OrderCanceled():
            return evolve(seen, status=OrderStatus.CANCELED.value)
        case OrderExpired():
            return evolve(seen, status=OrderStatus.EXPIRED.value)


class SeenOrders:
    """Remember every open order, and the newest *ended_max* of those that ended; *known* are there already."""

    def __init__(self, known: Iterable[ObservedOrder] = (), *, ended_max: int = ENDED_MAX) -> None:
        self._ended_max = ended_max
        self._sent: dict[str, OrderRequest] = {}
        self._open: dict[str, ObservedOrder] = {}
        self._ended: dict[str, ObservedOrder] = {}
        for order in known:
            self._put(order)

    def send(self, request: OrderRequest) -> None:
        """Note that *request* is under way; its answer follows."""
        self._sent[request.client_order_id] = request

    def note(self, events: Iterable[Event]) -> None:
        """Take what the engine says."""
        for event in events:
            match event:
                case OrderAcknowledged(client_order_id=name):
                    self._put(order_taken(self._sent.pop(name), event))
                case OrderRejected(client_order_id=name):
                    self._sent.pop(name, None)
                case OrderFilled(fill=fill):
                    self._put(order_after(self._open[fill.client_order_id], event))
                case OrderCanceled(client_order_id=name) | OrderExpired(client_order_id=name):
                    self._put(order_after(self._open[name], event))
                case _:
                    pass

    def find(self, symbol: str, client_order_id: str) -> ObservedOrder | None:
        """Return the newest order of that name on *symbol*; `None` where none is known."""
        order = self._open.get(client_order_id) or self._ended.get(client_order_id)
        return order if order is not None and order.symbol == symbol else None

    def _put(self, order: ObservedOrder) -> None:
        name = order.client_order_id
        if order.status in _OPEN:
            self._open[name] = order
            return
        self._open.pop(name, None)
        self._ended.pop(name, None)
        self._ended[name] = order
        if len(self._ended) > self._ended_max:
            del self._ended[next(iter(self._ended))]
