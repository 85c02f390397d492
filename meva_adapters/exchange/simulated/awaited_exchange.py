"""Offer the exchange port over a simulated venue: virtual time runs on until an answer comes, and nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from meva_adapters.exchange.simulated.simulated_exchange import USER, SimulatedExchange
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.events import (
    Event,
    OrderOutcomeUnknown,
    OrderRejected,
    StreamConnected,
    StreamLost,
)
from meva_core.execution.order_filters import RejectCode
from meva_core.ports.exchange import VenueCapabilities, kinds_of
from meva_core.ports.market_feed import Deliver

_WAITING_MAX: Final = 10_000
_TURN_S: Final = 0.001
_TURN_NS: Final = 10_000_000


class AwaitedExchange:
    """Ask *exchange* and let its time, *now_ns*, run on until it has answered.

    What it tells unasked meanwhile goes to whoever follows `stream`; with nobody there it is forgotten, as on a wire.
    """

    def __init__(self, exchange: SimulatedExchange, *, now_ns: int) -> None:
        self.exchange = exchange
        self.now_ns = now_ns
        self.stream = AwaitedStream(self)

    @property
    def capabilities(self) -> VenueCapabilities:
        """Return the facts about the simulated venue."""
        return self.exchange.capabilities

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order, once."""
        self.capabilities.require(*kinds_of(command.request))
        events = self._answer(lambda: self.exchange.place(command, self.now_ns))
        return [_undecided(event) for event in events]

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order."""
        return self._answer(lambda: self.exchange.cancel(command, self.now_ns))

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel every order of ours."""
        return self._answer(lambda: self.exchange.cancel_all(command, self.now_ns))

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Ask what became of one order."""
        return self._answer(lambda: self.exchange.query(command, self.now_ns))

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Ask for open orders, own trades and balances."""
        return self._answer(lambda: self.exchange.observe(command, self.now_ns))

    def run_until(self, time_ns: int) -> None:
        """Let everything happen that is due by then."""
        while (due_ns := self.exchange.next_ns()) is not None and due_ns <= time_ns:
            self._step(due_ns)
        self.now_ns = max(self.now_ns, time_ns)

    def _answer(self, ask: Callable[[], Sequence[Event]]) -> list[Event]:
        """Send what *ask* sends, and return its answer."""
        at_once = list(ask())
        if at_once:
            return at_once
        events: list[Event] = []
        answered = self.exchange.answered
        while self.exchange.answered == answered:
            due_ns = self.exchange.next_ns()
            assert due_ns is not None, "every request is answered, by its time-out at the latest"
            events = self._step(due_ns)
        return events

    def _step(self, due_ns: int) -> list[Event]:
        self.now_ns = max(self.now_ns, due_ns)
        answered = self.exchange.answered
        events = list(self.exchange.pop())
        if self.exchange.answered == answered:
            self.stream.take(events)
        return events


class AwaitedStream:
    """Deliver what the simulated venue tells of our orders."""

    def __init__(self, exchange: AwaitedExchange) -> None:
        self._exchange = exchange
        self._waiting: asyncio.Queue[Event] | None = None

    @property
    def name(self) -> str:
        """Return `user`."""
        return USER

    def take(self, events: Sequence[Event]) -> None:
        """Hand *events* to whoever follows."""
        for event in events:
            of_market = isinstance(event, StreamConnected | StreamLost) and event.stream != USER
            if self._waiting is not None and not of_market:
                self._waiting.put_nowait(event)

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled; virtual time passes meanwhile, faster than ours."""
        self._waiting = asyncio.Queue(_WAITING_MAX)
        deliver(StreamConnected(self._exchange.now_ns, USER))
        try:
            while True:
                while not self._waiting.empty():
                    deliver(self._waiting.get_nowait())
                await asyncio.sleep(_TURN_S)
                self._exchange.run_until(self._exchange.now_ns + _TURN_NS)
        finally:
            self._waiting = None


def _undecided(event: Event) -> Event:
    """Return *event*, but a refusal that speaks of an earlier order of the same name decides nothing."""
    if isinstance(event, OrderRejected) and event.code == RejectCode.DUPLICATE_ORDER.value:
        return OrderOutcomeUnknown(event.time_ns, event.client_order_id, event.reason)
    return event
