"""Read the machine's clocks; the only place that does so."""

from __future__ import annotations

import time


class SystemClock:
    """Tell the machine's time. *now_ns* follows the machine when it is set, *monotonic_ns* does not."""

    __slots__ = ()

    def now_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """Return nanoseconds of a clock that never goes back."""
        return time.monotonic_ns()
