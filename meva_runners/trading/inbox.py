"""Keep the events that wait for the loop, in order; decide nothing about them.

Market data is bounded: where more of it waits than *market_max*, all that waits is dropped, and whoever owns the
streams is told to start them anew, for a book with a hole is no book. Everything else is kept: there is at most one
answer per request and order, and orders are bounded by the risk limits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, get_args

from meva_core.events import Event, MarketEvent

_MARKET: Final = frozenset(get_args(MarketEvent))


class Inbox:
    """Be filled by streams and requests, and emptied by the loop; *on_overflow* gets how many events were dropped."""

    def __init__(self, market_max: int, *, on_overflow: Callable[[int], None]) -> None:
        self._market_max = market_max
        self._on_overflow = on_overflow
        self._events: deque[Event] = deque()
        self._market_events = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: Event) -> None:
        """Add *event* behind all others."""
        if type(event) in _MARKET:
            if self._market_events >= self._market_max:
                self._overflow()
            self._market_events += 1
        self._events.append(event)
        self._filled.set()

    def take(self) -> Event:
        """Return the oldest event; there must be one."""
        event = self._events.popleft()
        if type(event) in _MARKET:
            self._market_events -= 1
        if not self._events:
            self._filled.clear()
        return event

    def wake(self) -> None:
        """Let whoever waits look around, even where nothing came; whoever still has events looks around anyway."""
        self._filled.set()

    async def wait(self) -> None:
        """Return when there is an event, or when somebody calls `wake`."""
        await self._filled.wait()
        if not self._events:
            self._filled.clear()

    def _overflow(self) -> None:
        dropped = self._market_events
        self._events = deque(event for event in self._events if type(event) not in _MARKET)
        self._market_events = 0
        self._on_overflow(dropped)
