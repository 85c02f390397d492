"""Hold every order against what the market did after it; judge no strategy by it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import Factory, define

from meva_core.events import TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.money import EXACT, ZERO
from meva_core.ops.log_records import FillBooked, OrderSubmitted, Record

HORIZONS_S: Final = (1, 10, 60)
# Some hours of an eager strategy; older orders are counted in the means and not listed any more.
ORDERS_KEPT: Final = 10_000

_BPS: Final = 10_000


@define(eq=False)
class OrderMarkout:
    """Hold one order. *after_bps* is how far the market had moved in its favour after so many seconds.

    *filled_quantity* and *mean_price* are of its simulated fills; the price is 0 while there are none.
    """

    time_ns: int
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    decision_price: Decimal
    filled_quantity: Decimal = ZERO
    filled_value: Decimal = ZERO
    after_bps: dict[int, float] = Factory(dict)

    @property
    def mean_price(self) -> float:
        """Return the mean price of the fills, for people."""
        return float(self.filled_value) / float(self.filled_quantity) if self.filled_quantity else 0.0


class Markouts:
    """Take records and trades in the order of time."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.orders: deque[OrderMarkout] = deque(maxlen=ORDERS_KEPT)
        self._instruments = instruments
        self._by_name: dict[str, OrderMarkout] = {}
        self._due: dict[str, list[deque[OrderMarkout]]] = {
            symbol: [deque() for _ in HORIZONS_S] for symbol in instruments
        }
        self._sums = dict.fromkeys(HORIZONS_S, 0.0)
        self._counts = dict.fromkeys(HORIZONS_S, 0)

    def on_record(self, record: Record) -> None:
        """Take note of an order that was sent, or of a fill."""
        if isinstance(record, OrderSubmitted):
            self._add(record)
        elif isinstance(record, FillBooked):
            order = self._by_name.get(record.fill.client_order_id)
            if order is not None:
                quantity, price = record.fill.quantity, record.fill.price
                order.filled_quantity = EXACT.add(order.filled_quantity, quantity)
                order.filled_value = EXACT.add(order.filled_value, EXACT.multiply(quantity, price))

    def on_trade(self, trade: TradeReceived) -> None:
        """Let the market's next price say what the orders of its symbol were worth, each when it is due."""
        price = self._instruments[trade.symbol].price(trade.price_ticks)
        for horizon_s, waiting in zip(HORIZONS_S, self._due[trade.symbol], strict=True):
            while waiting and trade.time_ns - waiting[0].time_ns >= horizon_s * NS_PER_SECOND:
                self._settle(waiting.popleft(), horizon_s, price)

    def mean_bps(self, horizon_s: int) -> float | None:
        """Return the mean move in favour of all orders after *horizon_s*; `None` where none is that old."""
        count = self._counts[horizon_s]
        return self._sums[horizon_s] / count if count else None

    def _add(self, record: OrderSubmitted) -> None:
        request = record.request
        order = OrderMarkout(
            record.time_ns,
            request.client_order_id,
            request.symbol,
            request.side,
            request.quantity,
            record.decision_price,
        )
        if len(self.orders) == ORDERS_KEPT:
            del self._by_name[self.orders[0].client_order_id]
        self.orders.append(order)
        self._by_name[order.client_order_id] = order
        for waiting in self._due[order.symbol]:
            waiting.append(order)

    def _settle(self, order: OrderMarkout, horizon_s: int, price: Decimal) -> None:
        moved = _BPS * (float(price) / float(order.decision_price) - 1)
        in_favour = moved if order.side is Side.BUY else -moved
        order.after_bps[horizon_s] = in_favour
        self._sums[horizon_s] += in_favour
        self._counts[horizon_s] += 1
