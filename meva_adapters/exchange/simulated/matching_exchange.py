"""Fill orders in this process, against the market data that the agent itself hears; reach no venue.

It cannot send anything anywhere: it knows no address and no key. What it fills and when, the matching engine decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from meva_adapters.exchange.simulated.seen_orders import SeenOrders
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.events import (
    BookChanged,
    CancelRefused,
    CandleClosed,
    Event,
    MarketEvent,
    ObservedOrder,
    OrderQueryAnswered,
    QuoteReceived,
    StreamConnected,
    StreamLost,
    TradeReceived,
    VenueStateObserved,
)
from meva_core.execution.matching import MatchingEngine
from meva_core.model.order import OrderRecord, OrderStatus
from meva_core.ports.clock import Clock
from meva_core.ports.exchange import ORDER_KINDS, Capability, VenueCapabilities
from meva_core.ports.market_feed import Deliver, EventStream

USER_STREAM: Final = "user"
_NOT_OPEN: Final = "no such order is open"


class MatchingExchange:
    """Be the account that *engine* holds; *expired* are orders that an engine before it ended with."""

    def __init__(self, engine: MatchingEngine, clock: Clock, *, expired: Iterable[OrderRecord] = ()) -> None:
        self._engine = engine
        self._clock = clock
        self._seen = SeenOrders((*engine.open_orders(), *map(_observed, expired)))

    @property
    def capabilities(self) -> VenueCapabilities:
        """Return that every kind of order is taken: nothing is ever lost here, so nothing more has to be proven."""
        return VenueCapabilities(order_kinds=ORDER_KINDS)

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order; with latency its answers come with the market's events."""
        self._seen.send(command.request)
        return self._noted(self._engine.submit(command.request, self._clock.now_ns()))

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order, or say that it is not open."""
        name, now_ns = command.client_order_id, self._clock.now_ns()
        if not self._engine.is_open(name):
            return [CancelRefused(now_ns, name, _NOT_OPEN)]
        return self._noted(self._engine.cancel(command.symbol, name, now_ns))

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel every order."""
        return self._noted(self._engine.cancel_all(command.symbol, self._clock.now_ns()))

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Tell of one order, also where it ended, with this engine or the one before, and of its symbol's trades."""
        now_ns, name = self._clock.now_ns(), command.client_order_id
        found = self._seen.find(command.symbol, name)
        fills = tuple(self._engine.trades_since(command.symbol, command.trades_after))
        return [OrderQueryAnswered(now_ns, now_ns, now_ns, name, found, fills)]

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Tell of open orders, own trades and balances."""
        now_ns, engine = self._clock.now_ns(), self._engine
        fills = tuple(
            fill for symbol, after in command.trades_after for fill in engine.trades_since(symbol, after)
        )
        balances = tuple((asset, free, locked) for asset, (free, locked) in engine.balances().items())
        return [VenueStateObserved(now_ns, now_ns, engine.open_orders(), fills, balances, now_ns)]

    async def arm_dead_man_switch(self, timeout_s: int) -> None:
        """Raise `NotSupported`: these orders end with the process that holds them."""
        self.capabilities.require(Capability.DEAD_MAN_SWITCH)

    def on_market(self, event: MarketEvent) -> Sequence[Event]:
        """Let what had arrived meet the market, and return what came of it."""
        return self._noted(self._engine.on_market(event))

    def _noted(self, events: Sequence[Event]) -> Sequence[Event]:
        self._seen.note(events)
        return events


def _observed(record: OrderRecord) -> ObservedOrder:
    request = record.request
    return ObservedOrder(
        client_order_id=request.client_order_id,
        venue_order_id=record.venue_order_id,
        symbol=request.symbol,
        side=request.side,
        quantity=request.quantity,
        filled_quantity=record.filled_quantity,
        status=OrderStatus.EXPIRED.value,
    )


class MatchedStream:
    """Let the market data of *stream* pass *exchange* first, which fills what had arrived before it.

    The account's own stream is up for as long as this one runs: what is filled here cannot be missed.
    """

    def __init__(self, stream: EventStream, exchange: MatchingExchange, clock: Clock) -> None:
        self._stream = stream
        self._exchange = exchange
        self._clock = clock

    @property
    def name(self) -> str:
        """Return the name of the stream of the market."""
        return self._stream.name

    async def run(self, deliver: Deliver) -> None:
        """Follow until cancelled."""
        exchange = self._exchange

        def heard(event: Event) -> None:
            if isinstance(event, TradeReceived | QuoteReceived | BookChanged | CandleClosed):
                for answer in exchange.on_market(event):
                    deliver(answer)
            deliver(event)

        deliver(StreamConnected(self._clock.now_ns(), USER_STREAM))
        try:
            await self._stream.run(heard)
        finally:
            deliver(StreamLost(self._clock.now_ns(), USER_STREAM, "the agent stops following"))
