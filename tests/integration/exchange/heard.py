"""Run streams in the background and wait for what they deliver; claim nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from meva_core.events import Event
from meva_core.ports.market_feed import EventStream

WAIT_S = 10.0


class Heard:
    """Keep what a stream delivers, and wait for what is expected."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()

    def take(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.events)

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def followed(stream: EventStream) -> AsyncIterator[Heard]:
    """Run *stream* in the background."""
    heard = Heard()
    task = asyncio.create_task(stream.run(heard.take))
    try:
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
