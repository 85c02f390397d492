"""Name an order's facts: what was asked for, what became of it; transitions live in execution."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from attrs import define

from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.value import value


class OrderType(StrEnum):
    """Tell how an order is priced."""

    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    """Tell how long an order may rest."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    """Tell where in its life an order is (FIX words; `unknown` is ours)."""

    INITIALIZED = "initialized"  # Recorded with its reservation; not yet handed to the venue.
    SUBMITTED = "submitted"  # Handed to the transport once; no answer yet.
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    UNKNOWN = "unknown"  # The venue may or may not have it; exposure counts the worst case.
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"  # Dropped by us before the wire.


@value
class OrderRequest:
    """State exactly what shall be sent to a venue: already on its grid, already inside its limits.

    *limit_price* is `None` for market orders. *strategy* owns the order.
    """

    client_order_id: str
    idem_key: str
    strategy: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    post_only: bool
    reduce_only: bool


@value
class TradeIntent:
    """State what a strategy's valid signal asks for, on the instrument's grid, before risk has judged it.

    *decision* is the agent-wide decision number; *reference_price* the mark it was decided on.
    """

    decision: int
    strategy: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    post_only: bool
    reduce_only: bool
    reference_price: Decimal
    created_ns: int
    expires_ns: int


@define
class OrderRecord:
    """Follow one order from intent to end. Only `meva_core.execution` changes it.

    It locks `open_quantity * reserve_price` of *reserve_asset* (the quote for a buy, the base at price 1 for
    a sell). *evidence* names the venue message, or the proof, that caused the last status (invariant I6).
    *stamp_ns* is the venue's time at the decision.
    """

    request: OrderRequest
    status: OrderStatus
    created_ns: int
    updated_ns: int
    decision_price: Decimal
    reserve_asset: str
    reserve_price: Decimal
    filled_quantity: Decimal = ZERO
    filled_notional: Decimal = ZERO
    venue_order_id: str = ""
    evidence: str = ""
    attempt: int = 1
    stamp_ns: int = 0

    @property
    def open_quantity(self) -> Decimal:
        """Return what may still fill, in the base asset."""
        return self.request.quantity - self.filled_quantity
