"""Tell the time that somebody set: for tests, simulations and replays; look at no real clock."""

from __future__ import annotations

from meva_core.errors import InvariantError


class ManualClock:
    """Stand still until moved.

    >>> clock = ManualClock(1_000)
    >>> clock.advance(5)
    >>> clock.now_ns(), clock.monotonic_ns()
    (1005, 5)
    """

    __slots__ = ("_monotonic_ns", "_now_ns")

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 0

    def now_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC, as set."""
        return self._now_ns

    def monotonic_ns(self) -> int:
        """Return how far the clock was advanced so far."""
        return self._monotonic_ns

    def advance(self, elapsed_ns: int) -> None:
        """Let *elapsed_ns* pass on both clocks; raise `InvariantError` when it is negative."""
        if elapsed_ns < 0:
            raise InvariantError("time does not go back", f"advance by {elapsed_ns} ns")
        self._now_ns += elapsed_ns
        self._monotonic_ns += elapsed_ns

    def step(self, now_ns: int) -> None:
        """Set the wall clock, forwards or back, as a time server does; no time passes by it."""
        self._now_ns = now_ns
