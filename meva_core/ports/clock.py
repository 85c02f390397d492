"""Define how runners learn the time; the core itself knows only the time of its events."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tell the time in integer nanoseconds."""

    def now_ns(self) -> int:
        """Return nanoseconds since 1970-01-01 UTC."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds of a clock that never goes back; only differences have a meaning."""
        ...
