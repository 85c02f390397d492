"""Drop every measurement: for users who want none."""

from __future__ import annotations

from collections.abc import Mapping


class NoMetricsSink:
    """Take measurements and keep nothing."""

    __slots__ = ()

    def incr(self, name: str, value: int = 1, tags: Mapping[str, str] | None = None) -> None:
        """Drop a count."""

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Drop a level."""

    def timing_ms(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Drop a duration."""
