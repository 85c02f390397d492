"""List every wish of the agent, as one closed union; perform none of them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import frozen

from meva_core.model.order import OrderRequest, TradeIntent
from meva_core.model.value import value


@frozen(slots=False, init=False)
class Approved:
    """Carry the risk gate's permission for exactly this intent.

    Only `meva_core.risk` constructs it (checked by tests/tidy), so an unchecked order does not type-check.
    *gate_epoch* is the gate's epoch when it was granted; a later epoch voids it. *notional* is in the quote
    asset. The order locks `quantity * reserve_price` of *reserve_asset* until it fills or ends.
    """

    intent: TradeIntent
    gate_epoch: int
    notional: Decimal
    reserve_asset: str
    reserve_price: Decimal

    def __init__(
        self,
        intent: TradeIntent,
        gate_epoch: int,
        notional: Decimal,
        reserve_asset: str,
        reserve_price: Decimal,
    ) -> None:
        fields = {
            "intent": intent,
            "gate_epoch": gate_epoch,
            "notional": notional,
            "reserve_asset": reserve_asset,
            "reserve_price": reserve_price,
        }
        object.__setattr__(self, "__dict__", fields)  # As a whole, see `meva_core.model.value`.


@value
class PlaceOrder:
    """Send *request*, once. It can only be built from what the risk gate approved.

    *stamp_ns* is the venue's time at the decision: the request carries it, and the venue refuses the request when
    its validity window after the stamp has passed. It is durable with the intent, so the fence counts from it.
    """

    request: OrderRequest
    approved: Approved
    stamp_ns: int


@value
class CancelOrder:
    """Cancel one order of ours."""

    symbol: str
    client_order_id: str
    reason: str


@value
class CancelAllOrders:
    """Cancel every order of ours, on *symbol* or everywhere."""

    symbol: str | None
    reason: str


@value
class QueryOrder:
    """Ask the venue what became of one order, and for our trades of *symbol* after *trades_after* (empty: all)."""

    symbol: str
    client_order_id: str
    trades_after: str = ""


@value
class ObserveVenue:
    """Ask the venue for open orders, balances, and our trades after the last id of each symbol that it reported.

    *trades_after* holds (symbol, trade id) for every symbol; an empty id asks for all.
    """

    reason: str
    trades_after: tuple[tuple[str, str], ...] = ()


@value
class RenewBook:
    """Fetch the order book of *symbol* anew: it is impossible, although the stream that feeds it missed nothing."""

    symbol: str
    reason: str


@value
class SetTimer:
    """Wake the core with `TimerFired(name)` at *due_ns*."""

    name: str
    due_ns: int


class AlertLevel(StrEnum):
    """Rank alerts; a critical one is never held back."""

    INFO = "info"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


@value
class RaiseAlert:
    """Tell a person. *code* is the deduplication key together with *subject*."""

    level: AlertLevel
    code: str
    subject: str
    message: str
    context: dict[str, Any]


@value
class TransferFunds:
    """Instruct a transfer of surplus; an operator executes it, the agent's key cannot withdraw."""

    transfer_id: str
    asset: str
    amount: Decimal
    destination: str


# What waits for no disk: none of these spends anything.
PromptCommand = CancelOrder | CancelAllOrders | QueryOrder | ObserveVenue | RenewBook | SetTimer | RaiseAlert
Command = PlaceOrder | TransferFunds | PromptCommand
