"""Hold a simulated venue's open orders of one market in the order in which they match; match nothing."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal
from enum import StrEnum
from typing import Final

from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.order import OrderRequest, TimeInForce

NEVER: Final = 1 << 62  # Beyond any price in ticks and any quantity in lots.
_BUY: Final = Side.BUY  # Bound once: an enum looks its members up slowly, and this is per order.


class Expiry(StrEnum):
    """Name why the venue ended an order; the first three are Binance's words (`expiryReason`)."""

    NO_LIQUIDITY = "INSUFFICIENT_LIQUIDITY"
    IOC = "UNFILLED_IOC_QUANTITY_EXPIRED"
    FOK = "UNFILLED_FOK_ORDER_EXPIRED"
    NO_FUNDS = "INSUFFICIENT_BALANCE"  # A market buy locks nothing, so its money may be gone when it matches.


EXPIRY_BY_TIME_IN_FORCE: Final = {
    TimeInForce.GTC: None,
    TimeInForce.IOC: Expiry.IOC,
    TimeInForce.FOK: Expiry.FOK,
}


class VenueOrder:
    """Follow one order at the venue, on the grid.

    *limit_ticks* of a market order is the worst price there is. *taking* holds until the order has met its
    first market event: before it the order takes liquidity, after it the rest of it makes. *queue_ahead*
    counts the lots of others that trade before it at its price. An open order locks
    `open_lots * lock_per_lot` of *lock_asset*, a market buy nothing. Make it inside `exact()`.
    """

    __slots__ = (
        "arrived_ns",
        "client_order_id",
        "is_buy",
        "is_market",
        "limit_ticks",
        "lock_asset",
        "lock_per_lot",
        "lots",
        "open_lots",
        "queue_ahead",
        "request",
        "sequence",
        "taking",
        "unfilled_expiry",
        "venue_order_id",
    )

    def __init__(
        self, request: OrderRequest, instrument: Instrument, lots: int, limit_ticks: int | None
    ) -> None:
        self.request = request
        self.client_order_id = request.client_order_id
        self.is_buy = is_buy = request.side is _BUY
        self.is_market = limit_ticks is None
        self.lots = self.open_lots = lots
        self.unfilled_expiry = EXPIRY_BY_TIME_IN_FORCE[request.time_in_force]
        self.taking = True
        self.queue_ahead = 0
        if not is_buy:
            self.limit_ticks = limit_ticks or 0
            self.lock_asset = instrument.base
            self.lock_per_lot = instrument.lot_size
            return
        self.lock_asset = instrument.quote
        if limit_ticks is None or request.limit_price is None:
            self.limit_ticks = NEVER
            self.lock_per_lot = ZERO
        else:
            self.limit_ticks = limit_ticks
            self.lock_per_lot = instrument.lot_size * request.limit_price

    def place(self, sequence: int, arrived_ns: int) -> None:
        """Give the order its venue id and its place in time."""
        self.sequence = sequence
        self.venue_order_id = str(sequence)
        self.arrived_ns = arrived_ns

    def locked(self, lots: int) -> Decimal:
        """Return what *lots* of the order lock. Call it inside `exact()`."""
        return self.lock_per_lot * lots

    def accepts(self, price_ticks: int) -> bool:
        """Return whether *price_ticks* is at the limit or better."""
        return price_ticks <= self.limit_ticks if self.is_buy else price_ticks >= self.limit_ticks

    def prefers(self, price_ticks: int) -> bool:
        """Return whether *price_ticks* is strictly better than the limit."""
        return price_ticks < self.limit_ticks if self.is_buy else price_ticks > self.limit_ticks


class OpenOrders:
    """Keep one market's open orders: *taking* by arrival, *bids* and *asks* by price, then arrival."""

    __slots__ = ("asks", "bids", "taking")

    def __init__(self) -> None:
        self.taking: list[VenueOrder] = []
        self.bids: list[VenueOrder] = []
        self.asks: list[VenueOrder] = []

    def add(self, order: VenueOrder) -> None:
        """Take *order* in where its flags put it."""
        if order.taking:
            self.taking.append(order)
        else:
            insort(self._resting(order), order, key=_priority)

    def remove(self, order: VenueOrder) -> None:
        """Take *order* out."""
        if order.taking:
            self.taking.remove(order)
        else:
            resting = self._resting(order)
            del resting[bisect_left(resting, _priority(order), key=_priority)]

    def rest(self, order: VenueOrder, queue_ahead: int) -> None:
        """Let *order* rest behind *queue_ahead* lots of others; it makes from now on."""
        self.remove(order)
        order.taking = False
        order.queue_ahead = queue_ahead
        self.add(order)

    def _resting(self, order: VenueOrder) -> list[VenueOrder]:
        return self.bids if order.is_buy else self.asks


def _priority(order: VenueOrder) -> tuple[int, int]:
    """Order by price, the best for the other side first, then by arrival."""
    return (-order.limit_ticks if order.is_buy else order.limit_ticks, order.sequence)
