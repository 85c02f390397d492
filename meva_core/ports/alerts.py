"""Define where alerts go: to people."""

from __future__ import annotations

from typing import Protocol

from meva_core.commands import RaiseAlert


class AlertSink(Protocol):
    """Deliver alerts. A failing channel never blocks trading."""

    async def deliver(self, alert: RaiseAlert) -> bool:
        """Send *alert*; return whether somebody was reached."""
        ...
