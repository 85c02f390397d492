"""Decide how long to wait before the next connection; wait for nothing and draw no chance itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

# A connection that lasted so long was a success. Shorter ones count on: Binance bans who connects 300 times in 5 min.
STEADY_NS: Final = 5 * 10**9


class Backoff:
    """Double the wait after each failure, up to *longest_s*; *jitter* draws from [0, 1) and spreads clients.

    The wait lies between half of the step and the whole of it.
    """

    def __init__(self, jitter: Callable[[], float], *, first_s: float = 0.2, longest_s: float = 30.0) -> None:
        assert 0 < first_s <= longest_s, "waits are positive and bounded"
        self._jitter = jitter
        self._first_s = first_s
        self._longest_s = longest_s
        self._step_s = first_s

    def next_s(self) -> float:
        """Return the next wait, in seconds."""
        step_s = self._step_s
        self._step_s = min(step_s * 2, self._longest_s)
        return step_s * (1 + self._jitter()) / 2

    def reset(self) -> None:
        """Start again with the shortest wait, after a success."""
        self._step_s = self._first_s
