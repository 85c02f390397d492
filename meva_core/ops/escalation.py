"""Decide which alerts must be told again, because nobody said that they were seen; deliver nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.alerts import StandingAlert

# Five minutes: who is awake has looked by then, who sleeps needs another ring.
ESCALATE_NS: Final = 300 * NS_PER_SECOND
# So many at one look; with more than that at once, one more message helps nobody.
_AT_ONCE_MAX: Final = 10
_LOUD: Final = frozenset({AlertLevel.HIGH, AlertLevel.CRITICAL})


class Escalation:
    """Remember when each standing cause was last told; a restart begins to count anew."""

    def __init__(self, *, after_ns: int = ESCALATE_NS) -> None:
        self._after_ns = after_ns
        self._told_ns: dict[tuple[str, str], int] = {}

    def due(self, standing: Sequence[StandingAlert], now_ns: int) -> tuple[RaiseAlert, ...]:
        """Return what must be told again, as critical: loud, not acknowledged, and last told long enough ago."""
        loud = {
            (item.code, item.subject): item
            for item in standing
            if item.level in _LOUD and not item.acknowledged_by
        }
        self._told_ns = {cause: self._told_ns.get(cause, now_ns) for cause in loud}
        due = [cause for cause, told_ns in self._told_ns.items() if now_ns - told_ns >= self._after_ns]
        again = due[:_AT_ONCE_MAX]
        self._told_ns |= dict.fromkeys(again, now_ns)
        return tuple(_again(loud[cause], now_ns) for cause in again)


def _again(item: StandingAlert, now_ns: int) -> RaiseAlert:
    minutes = (now_ns - item.since_ns) // (60 * NS_PER_SECOND)
    text = f"not acknowledged for {minutes} min: {item.message}"
    return RaiseAlert(AlertLevel.CRITICAL, item.code, item.subject, text, {"since_ns": item.since_ns})
