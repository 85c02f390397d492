"""Beat while the main loop lives, and say how late each beat came; decide nothing about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

Listener = Callable[[int], None]


class Heartbeat:
    """Call every one of *listeners* each *interval_ms*, with by how many ns the beat was late."""

    def __init__(
        self, interval_ms: int, monotonic_ns: Callable[[], int], listeners: Sequence[Listener]
    ) -> None:
        self._interval_ns = interval_ms * 1_000_000
        self._monotonic_ns = monotonic_ns
        self._listeners = tuple(listeners)

    async def run(self) -> None:
        """Beat until cancelled; a beat that was missed is not made up for."""
        due_ns = self._monotonic_ns()
        while True:
            late_ns = max(0, self._monotonic_ns() - due_ns)
            for listener in self._listeners:
                listener(late_ns)
            due_ns += self._interval_ns * (1 + late_ns // self._interval_ns)
            await asyncio.sleep(max(0, due_ns - self._monotonic_ns()) / 1e9)
