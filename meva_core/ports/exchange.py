"""Define what a venue must offer, and the facts about it that decide how carefully an order must be sent.

No method raises for what a network or a venue does: every outcome is an event. A request that places an order is
sent once, whatever happens to it. Only a refusal of the venue is a rejection; silence, a broken connection and an
error of the server prove nothing. What the adapter does not understand settles nothing. Amounts are exact, on the
wire too, where they are written plainly. While a venue asks to be left alone nothing leaves: orders are dropped,
everything else fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final, Protocol, runtime_checkable

from attrs import frozen

from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.errors import NotSupported
from meva_core.events import ClockMeasured, Event
from meva_core.model.instrument import Instrument
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

# Answers when an order's fate is known: an empty text once it may leave, else why it must not.
Clearance = Callable[[], Awaitable[str]]


class ClientIdScope(IntEnum):
    """Tell among which orders a venue refuses a client order id that it has seen."""

    NOTHING = 0
    OPEN_ORDERS = 1
    EVERY_ORDER = 2


class Capability(StrEnum):
    """Name what a venue may offer beyond limit orders that rest until cancelled; the list is closed."""

    MARKET_ORDERS = "market orders"
    IMMEDIATE_OR_CANCEL = "immediate or cancel"
    FILL_OR_KILL = "fill or kill"
    POST_ONLY = "post only"
    UNIQUE_OPEN_IDS = "unique ids of open orders"
    UNIQUE_IDS = "unique ids of all orders"
    REQUEST_WINDOW = "request window"
    CANCEL_SETTLES = "cancel settles"
    DEAD_MAN_SWITCH = "dead-man switch"


ORDER_KINDS: Final = (
    Capability.MARKET_ORDERS,
    Capability.IMMEDIATE_OR_CANCEL,
    Capability.FILL_OR_KILL,
    Capability.POST_ONLY,
)


@frozen(kw_only=True)
class VenueCapabilities:
    """State what may be relied on. Every default is the weakest: what an adapter does not state is not there.

    *order_kinds* are those of `ORDER_KINDS` that it can send. *request_window_ms* is how long after its stamp the
    venue accepts a request; `None`: for ever, and then no silence ever proves that an order was not placed
    (protocol S7). *cancel_settles* says that a refused cancel comes from the matching engine itself and proves that
    the order is not open.
    """

    client_ids: ClientIdScope = ClientIdScope.NOTHING
    request_window_ms: int | None = None
    cancel_settles: bool = False
    dead_man_switch: bool = False
    order_kinds: tuple[Capability, ...] = ()

    @property
    def declared(self) -> tuple[Capability, ...]:
        """Return everything that is stated, in the order of the list."""
        stated = {
            Capability.UNIQUE_OPEN_IDS: self.client_ids >= ClientIdScope.OPEN_ORDERS,
            Capability.UNIQUE_IDS: self.client_ids >= ClientIdScope.EVERY_ORDER,
            Capability.REQUEST_WINDOW: self.request_window_ms is not None,
            Capability.CANCEL_SETTLES: self.cancel_settles,
            Capability.DEAD_MAN_SWITCH: self.dead_man_switch,
        }
        return tuple(each for each in Capability if stated.get(each, each in self.order_kinds))

    def require(self, *wanted: Capability) -> None:
        """Raise `NotSupported` for the first of *wanted* that is not declared."""
        for capability in wanted:
            if capability not in self.order_kinds and capability not in self.declared:
                raise NotSupported(capability, self.declared)


def kinds_of(request: OrderRequest) -> tuple[Capability, ...]:
    """Return what a venue must offer to take *request* as it is."""
    wanted = {
        Capability.MARKET_ORDERS: request.type is OrderType.MARKET,
        Capability.IMMEDIATE_OR_CANCEL: request.time_in_force is TimeInForce.IOC,
        Capability.FILL_OR_KILL: request.time_in_force is TimeInForce.FOK,
        Capability.POST_ONLY: request.post_only,
    }
    return tuple(kind for kind, needed in wanted.items() if needed)


@frozen(kw_only=True)
class AccountFacts:
    """State who the venue says we are, and what the key may do. An agent's key must not be able to withdraw."""

    account_id: str
    can_trade: bool
    can_withdraw: bool


class VenueReference(Protocol):
    """Ask a venue for what must be known before trading. Nothing runs yet, so failures are errors, with a remedy.

    Every method raises `VenueRefusedError` for a definite refusal and `VenueUnknownError` when there was no answer.
    """

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Return the venue's own rules of the unified *symbols*, in their order."""
        ...

    async def measure_clock(self) -> ClockMeasured:
        """Compare the venue's clock with ours; half of the round trip is the error."""
        ...

    async def account_facts(self) -> AccountFacts:
        """Return what the venue knows of our key."""
        ...


@frozen(kw_only=True)
class AccountOpening:
    """State where an account stands: *balances* (free and locked together) by asset, the newest own trade by symbol."""

    balances: dict[str, Decimal]
    trades: dict[str, str]


class AccountReader(Protocol):
    """Read an account before anything runs on it; errors as those of `VenueReference`."""

    async def opening(self, symbols: Sequence[str]) -> AccountOpening:
        """Return where the account stands, with the newest own trade of each of *symbols* that has one."""
        ...

    async def balances(self) -> dict[str, Decimal]:
        """Return what the account holds, free and locked together, by asset."""
        ...


class ExchangeAdapter(Protocol):
    """Reach one account at one venue. What the venue says unasked comes through its streams, as events too."""

    @property
    def capabilities(self) -> VenueCapabilities:
        """Return the facts about this venue."""
        ...

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order, once: acknowledged, rejected, dropped, or of unknown outcome; fills may come with it.

        Raise `NotSupported`, before anything leaves, for a kind of order that the capabilities do not name.
        """
        ...

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order: canceled, refused, or failed."""
        ...

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel every order of ours: one event per order that ended, or failed. Other people's orders stay."""
        ...

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Ask what became of one order, with our trades on its symbol: `OrderQueryAnswered`, or failed."""
        ...

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Ask for open orders, own trades and balances: `VenueStateObserved`, or failed.

        It is complete or it is not told: a part that did not come makes the whole fail.
        """
        ...


@runtime_checkable
class PreparingExchange(Protocol):
    """Get an order ready to leave while its intent is still on the way to the disk."""

    async def place_when(self, command: PlaceOrder, clearance: Clearance) -> Sequence[Event]:
        """Do as `place` does, but let no byte of the order leave before *clearance* answers with an empty text.

        It is asked as late as possible, and may be asked again. Any other answer drops the order, and is the reason.
        However long it takes, nothing else waits: neither a cancel nor a question.
        """
        ...


class DeadManSwitch(Protocol):
    """Have a venue cancel every order of the account when it has not heard of us for a while.

    An adapter whose venue has none may have the method all the same, and raise.
    """

    async def arm_dead_man_switch(self, timeout_s: int) -> None:
        """Have every order of the account cancelled, other people's too, unless called again within *timeout_s*.

        0 disarms. Raise `NotSupported` where the venue has no such switch, `VenueRefusedError` for a definite
        refusal, and `VenueUnknownError` when there was no answer.
        """
        ...
