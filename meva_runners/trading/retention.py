"""Drop the market events that nobody wants to keep any longer, little by little, while the agent runs.

A step is taken in the thread that commits, only while no commit is under way, and is small: one that comes meanwhile
waits for it no longer than for another commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

Spare = Callable[[Callable[[], None]], bool]

# Some thousand segments a second at most, many times what the busiest markets add; and a look each minute.
_PAUSE_S: Final = 0.05
_IDLE_S: Final = 60.0


async def drop_old_market(
    spare: Spare,
    retire: Callable[[int], bool],
    *,
    now_ns: Callable[[], int],
    kept_ns: int,
    idle_s: float = _IDLE_S,
) -> None:
    """Call *retire* for what is older than *kept_ns* whenever *spare* has a moment for it, until cancelled."""
    went: bool | None = None

    def step() -> None:
        nonlocal went
        went = retire(now_ns() - kept_ns)

    while True:
        went = None
        spare(step)
        await asyncio.sleep(_PAUSE_S)
        if went is False:
            await asyncio.sleep(idle_s)
