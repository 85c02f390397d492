"""Define what the author of an exchange adapter writes so that the contract can be run on it: a harness.

A harness starts a venue, makes the adapter, knows the venue's truth, and brings faults about. What it cannot do it
leaves as it is here: the cases that need it are then reported as not proven.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import frozen

from meva_adapters.contracts.case import NotProvenError
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.ports.exchange import ExchangeAdapter, VenueReference
from meva_core.ports.market_feed import EventStream

# As the agent names orders: six characters that mark its own, eighteen in all, which every venue takes.
_OWN: Final = "kit000"
_BY_HAND: Final = "hand00"
_DIGITS: Final = 12


class Request(StrEnum):
    """Name the requests of an adapter, as far as faults tell them apart."""

    PLACE = "place"
    CANCEL = "cancel"
    FIND_ORDER = "find order"
    OPEN_ORDERS = "open orders"
    OWN_TRADES = "own trades"
    BALANCES = "balances"
    RULES = "rules"
    CLOCK = "clock"
    STREAM = "stream"
    OTHER = "other"


class Mishap(StrEnum):
    """Name everything that can go wrong; the list is closed. *amount* has the unit that the comment names."""

    # The next request of a kind.
    REQUEST_LOST = "request lost"  # The connection breaks, and nothing was done.
    ANSWER_LOST = "answer lost"  # The connection breaks after it was done.
    SILENCE_BEFORE = "silence, not done"  # No answer ever comes, and nothing was done.
    SILENCE_AFTER = "silence, done"  # No answer ever comes, although it was done.
    ERROR_BEFORE = "server error, not done"  # HTTP 5xx, and nothing was done.
    ERROR_AFTER = "server error, done"  # HTTP 5xx, although it was done.
    REDIRECT = "redirect"  # HTTP 307 to another path, and nothing was done.
    RATE_LIMIT = "rate limit"  # Refused for so many seconds.
    BAN = "ban"  # Refused for so many seconds, as a ban of the address.
    GARBAGE = "malformed answer"  # Done, and what is answered is not what was promised.
    OTHER_ORDER = "answer of another order"  # Done, and the answer speaks of an order of another name.
    UNKNOWN_STATUS = "unknown status"  # Done, and the order's status is a word that nobody knows.
    STALE = "stale answer"  # A question is answered as of so many milliseconds ago.
    # The venue as a whole.
    CLOCK_OFFSET = "clock offset"  # Its clock is ahead by so many milliseconds from now on.
    HALT = "halt"  # The market takes no orders.
    NEW_FILTERS = "new filters"  # The smallest quantity is now so many times as large.
    DOWN = "venue down"  # Nobody listens any more.
    KEY_UNKNOWN = "unknown key"  # It knows our key no more.
    KEY_READ_ONLY = "read-only key"  # Our key may not trade.
    # The stream of our orders.
    STREAM_CUT = "stream cut"
    STREAM_SILENT = "stream silent"  # It stays up and says nothing, its pings included.
    STREAM_DOUBLE = "doubled stream events"  # The next so many events come twice.
    STREAM_GARBAGE = "malformed stream message"
    STREAM_UNKNOWN = "unknown stream event"


@frozen(kw_only=True)
class Trouble:
    """Ask for a mishap: now, or at the next request of its kind."""

    mishap: Mishap
    request: Request = Request.OTHER
    amount: int = 0


@frozen(kw_only=True)
class TrueOrder:
    """Hold one order as the venue has it, whatever it tells."""

    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None
    is_open: bool


class ExchangeHarness(ABC):
    """Subclass it. Every case gets a harness of its own, so *start* begins with an empty account.

    *symbol* is what is traded. The account must hold enough of base and quote for some hundred small orders.
    Answers that never come must end within a second or so: give the adapter a short time-out.
    """

    symbol: str = "BTC/USDT"

    @abstractmethod
    async def start(self) -> ExchangeAdapter:
        """Start the venue and return the adapter that is connected to it."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop everything, also when `start` failed half way."""

    # The venue's truth.

    @abstractmethod
    def instrument(self) -> Instrument:
        """Return the venue's rules of `symbol`."""

    @abstractmethod
    def quote(self) -> tuple[Decimal, Decimal]:
        """Return the best bid and ask of `symbol`."""

    @abstractmethod
    def orders(self) -> Sequence[TrueOrder]:
        """Return every order that the venue ever took, oldest first, other people's too."""

    @abstractmethod
    def trades(self) -> Sequence[Fill]:
        """Return every own trade on `symbol`, oldest first."""

    @abstractmethod
    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, locked) of every asset that is not zero."""

    @abstractmethod
    def sent(self, request: Request) -> int:
        """Return how many requests of this kind reached the venue, or would have, had they not been lost."""

    def now_ns(self) -> int:
        """Return the venue's time, as the adapter measured it."""
        return time.time_ns()

    # What the author can offer, and need not.

    def own_id(self, number: int) -> str:
        """Return the name of our order *number*: the adapter must take it for ours."""
        return f"{_OWN}{number:0{_DIGITS}d}"

    def foreign_id(self, number: int) -> str:
        """Return a name that the adapter must not take for ours."""
        return f"{_BY_HAND}{number:0{_DIGITS}d}"

    async def trouble(self, trouble: Trouble) -> None:
        """Bring *trouble* about."""
        raise NotProvenError(f"way to cause: {trouble.mishap}")

    async def end_trouble(self) -> None:
        """End what lasts: limits, halts, wrong clocks, silence."""
        raise NotProvenError("way to end trouble")

    async def execute(self, client_order_id: str, quantity: Decimal) -> None:
        """Let others trade with a resting order of ours, exactly *quantity* of it."""
        raise NotProvenError("way to execute a resting order")

    async def settle(self) -> None:  # noqa: B027 - most venues execute at once, and need nothing here.
        """Let the market move on, where the venue executes orders only then."""

    async def place_by_hand(self, client_order_id: str, *, quantity: Decimal, price: Decimal) -> None:
        """Let a person place a resting buy order in our account."""
        raise NotProvenError("way to place an order by hand")

    async def trade_by_hand(self, count: int) -> None:
        """Let a person make *count* small trades in our account."""
        raise NotProvenError("way to make many trades")

    def other_market(self) -> tuple[Instrument, Decimal]:
        """Return a second market, and a price at which a buy order rests there."""
        raise NotProvenError("second market")

    async def arm_dead_man_switch(self, seconds: int) -> None:
        """Let the adapter arm the venue's switch, and let that many seconds pass."""
        raise NotProvenError("way to arm the dead-man switch")

    def wire(self, request: Request) -> Sequence[str]:
        """Return the text of each request of this kind as it was sent: address and body, decoded."""
        raise NotProvenError("look at the wire")

    def stream(self) -> EventStream:
        """Return a stream of our orders' events from the adapter."""
        raise NotProvenError("stream of our orders")

    def reference(self) -> VenueReference:
        """Return the adapter's reference: rules, clock, account."""
        raise NotProvenError("reference")
