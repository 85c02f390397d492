"""Keep a stream up: begin again after every end, with growing waits; know no connection and no message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from meva_adapters.transport.backoff import STEADY_NS, Backoff
from meva_adapters.transport.websocket import Send
from meva_core.ports.clock import Clock


async def keep_up(
    once: Callable[[], Awaitable[str]], *, clock: Clock, backoff: Backoff, ended: Callable[[str], None]
) -> NoReturn:
    """Await *once* again and again until cancelled; tell *ended* why each connection ended."""
    while True:
        started_ns = clock.monotonic_ns()
        reason = await once()
        if clock.monotonic_ns() - started_ns >= STEADY_NS:
            backoff.reset()
        ended(reason)
        await asyncio.sleep(backoff.next_s())


async def keep_asking(send: Send, question: str, *, every_s: float) -> None:
    """Send *question* again and again, so that silence means a dead connection; return when there is none."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await send(question)
        except OSError:
            return  # Whoever reads from the connection says that it is gone.
