"""Ask a question again whose answer is lost or late, for somebody who must act; nothing that changes anything.

An answer that says nothing, as a server error does, is one: to ask again at once would get the same, and use up what
the budget keeps back. When to come again is then up to whoever asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from meva_adapters.transport.http import NoAnswerError
from meva_core.errors import VenueUnknownError

# A venue that answers at all has answered by then. Two are given up well within the ten seconds that a failing agent
# has for its last cancels.
PATIENCE_S: Final = 2.0
ASKED_MAX: Final = 3

T = TypeVar("T")


async def asked_again(ask: Callable[[], Awaitable[T]], *, patience_s: float = PATIENCE_S) -> T:
    """Return the answer; only the last asking has as much time as the transport gives it, and raises what it raises."""
    for _ in range(ASKED_MAX - 1):
        try:
            async with asyncio.timeout(patience_s):
                return await ask()
        except TimeoutError:
            continue
        except VenueUnknownError as exc:
            if not isinstance(exc.__cause__, NoAnswerError):
                raise
    return await ask()
