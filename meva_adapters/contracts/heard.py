"""Follow a stream and wait for what it should tell; conclude nothing from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from meva_adapters.contracts.case import ContractBreachError, expect_true
from meva_core.events import Event
from meva_core.ports.market_feed import EventStream

E = TypeVar("E")
_WAIT_S: Final = 4.0
_SHOWN: Final = 20


class Heard:
    """Keep what a stream delivers, and wait for what is expected."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()

    def take(self, event: Event) -> None:
        """Keep *event*."""
        self.events.append(event)
        self._news.set()

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of that kind."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, enough: Callable[[], object], what: str) -> None:
        """Wait until *enough*; a stream that does not get there breaks its promise."""
        try:
            async with asyncio.timeout(_WAIT_S):
                while not enough():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            told = ", ".join(map(str, self.events[-_SHOWN:]))
            raise ContractBreachError(f"{what} did not come within {_WAIT_S:g} s; came: [{told}]") from None


@asynccontextmanager
async def heard_from(stream: EventStream) -> AsyncIterator[tuple[Heard, asyncio.Task[None]]]:
    """Run *stream* in the background from its first connection on; it must not end by itself."""
    heard = Heard()
    task = asyncio.create_task(stream.run(heard.take))
    try:
        await heard.until(lambda: heard.events, "a connection")
        yield heard, task
        expect_true(not task.done(), "the stream still runs")
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
