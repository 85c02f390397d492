"""Follow orders whose fate is open: when to ask the venue next, and when its silence is proof; send nothing.

The fence of the submission protocol (S4): a venue that refuses requests after a validity window cannot place the
order any more once the window has passed, and its queries show the order at the latest a lag bound later. So two
answers "no such order", given after `stamp + window + lag bound` of the venue's time, prove that it was never
placed, unless something else speaks for it. Without a window there is no fence (S7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from attrs import define, frozen

from meva_core.model.order import OrderRecord

NOT_FOUNDS_NEEDED: Final = 2


@frozen
class FenceSettings:
    """Set how long silence must last. Times in ns; *window_ns* is `None` where the venue has no time bound.

    *schedule_ns* holds the delays between questions; the last repeats.
    """

    schedule_ns: tuple[int, ...]
    window_ns: int | None
    lag_bound_ns: int

    def fence_ns(self, stamp_ns: int) -> int | None:
        """Return from when on, in the venue's time, a "no such order" counts."""
        return None if self.window_ns is None else stamp_ns + self.window_ns + self.lag_bound_ns


@define
class UnsettledOrder:
    """Hold the search for one order. *since_ns* is when it began, *fence_ns* is in the venue's time."""

    client_order_id: str
    since_ns: int
    fence_ns: int | None
    due_ns: int
    asked: int = 0
    not_founds: int = 0
    alerted: bool = False


class UnsettledOrders:
    """Keep the searches, oldest first."""

    def __init__(self, settings: FenceSettings) -> None:
        self._settings = settings
        self._orders: dict[str, UnsettledOrder] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[UnsettledOrder]:
        return iter(tuple(self._orders.values()))

    def watch(self, record: OrderRecord, now_ns: int) -> None:
        """Begin to search for an order, if nobody does yet."""
        client_order_id = record.request.client_order_id
        if client_order_id not in self._orders:
            fence_ns = self._settings.fence_ns(record.stamp_ns)
            due_ns = now_ns + self._settings.schedule_ns[0]
            self._orders[client_order_id] = UnsettledOrder(client_order_id, now_ns, fence_ns, due_ns)

    def settle(self, client_order_id: str) -> None:
        """End the search for an order: its fate is known."""
        self._orders.pop(client_order_id, None)

    def take_due(self, now_ns: int) -> list[str]:
        """Return the orders to ask for at *now_ns*, and plan the next question about each."""
        schedule = self._settings.schedule_ns
        due = [order for order in self._orders.values() if order.due_ns <= now_ns]
        for order in due:
            order.asked += 1
            order.due_ns = now_ns + schedule[min(order.asked, len(schedule) - 1)]
        return [order.client_order_id for order in due]

    def not_found(self, client_order_id: str, venue_time_ns: int) -> bool:
        """Take the answer "no such order", given at *venue_time_ns*; return whether it completes the proof."""
        order = self._orders.get(client_order_id)
        if order is None or order.fence_ns is None or venue_time_ns < order.fence_ns:
            return False
        order.not_founds += 1
        return order.not_founds >= NOT_FOUNDS_NEEDED

    def next_due_ns(self) -> int | None:
        """Return when the next question is due."""
        return min((order.due_ns for order in self._orders.values()), default=None)

    def snapshot(self) -> list[list[Any]]:
        """Return the searches as rows, oldest first."""
        return [
            [
                order.client_order_id,
                order.since_ns,
                order.fence_ns,
                order.due_ns,
                order.asked,
                order.not_founds,
                order.alerted,
            ]
            for order in self._orders.values()
        ]

    def restore(self, rows: list[list[Any]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._orders = {row[0]: UnsettledOrder(*row) for row in rows}
