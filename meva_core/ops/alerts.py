"""Decide whether something is worth telling a person now, or was told already; deliver nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, frozen

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.model.market import NS_PER_SECOND

# Twenty messages in ten minutes are more than a person reads; critical ones pass regardless.
ALERTS_MAX: Final = 20
WINDOW_NS: Final = 600 * NS_PER_SECOND
# Causes that stand at the same time; beyond it the one told longest ago may be told again.
CAUSES_MAX: Final = 10_000
_RANK: Final = {level: rank for rank, level in enumerate(AlertLevel)}


@frozen
class StandingAlert:
    """Hold a cause that was told and is not gone; *acknowledged_by* is empty until somebody says that it is seen."""

    level: AlertLevel
    code: str
    subject: str
    message: str
    since_ns: int
    acknowledged_by: str = ""


class AlertService:
    """Tell each cause once until it is cleared, and no more than *alerts_max* within *window_ns*.

    A cause is (code, subject): the code says what is wrong, the subject with what (a symbol, an order; empty
    for the agent itself). A cause that rises in level is told again. What the rate limit held back is not
    remembered as told, so a cause that persists is told when there is room. Time is that of the events.
    """

    def __init__(self, *, alerts_max: int = ALERTS_MAX, window_ns: int = WINDOW_NS) -> None:
        self._alerts_max = alerts_max
        self._window_ns = window_ns
        self._told: dict[tuple[str, str], StandingAlert] = {}
        self._recent: deque[int] = deque()
        self.held_back = 0

    def trigger(
        self,
        level: AlertLevel,
        code: str,
        message: str,
        context: Mapping[str, Any] | None = None,
        *,
        time_ns: int,
        subject: str = "",
    ) -> RaiseAlert | None:
        """Return the alert to raise, or `None` when this cause was told or the limit is reached."""
        cause = (code, subject)
        told = self._told.get(cause)
        if told is not None and _RANK[level] <= _RANK[told.level]:
            return None
        if not self._has_room(level, time_ns):
            self.held_back += 1
            return None
        self._remember(StandingAlert(level, code, subject, message, time_ns))
        return RaiseAlert(level, code, subject, message, dict(context or {}))

    def clear(self, code: str, subject: str = "") -> bool:
        """Note that the cause is gone, so that it is told when it returns; return whether it was told."""
        return self._told.pop((code, subject), None) is not None

    def acknowledge(self, code: str, subject: str, *, actor: str) -> bool:
        """Note that *actor* has seen the cause, so that it is not repeated; return whether it stands."""
        standing = self._told.get((code, subject))
        if standing is None:
            return False
        self._told[code, subject] = evolve(standing, acknowledged_by=actor)
        return True

    def standing(self) -> tuple[StandingAlert, ...]:
        """Return the causes told and not cleared, oldest first."""
        return tuple(self._told.values())

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        told = [
            [item.level.value, item.code, item.subject, item.message, item.since_ns, item.acknowledged_by]
            for item in self._told.values()
        ]
        return {"told": told, "recent": list(self._recent), "held_back": self.held_back}

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        items = [StandingAlert(AlertLevel(level), *rest) for level, *rest in memory["told"]]
        self._told = {(item.code, item.subject): item for item in items}
        self._recent = deque(memory["recent"])
        self.held_back = memory["held_back"]

    def _has_room(self, level: AlertLevel, time_ns: int) -> bool:
        while self._recent and time_ns - self._recent[0] >= self._window_ns:
            self._recent.popleft()
        return level is AlertLevel.CRITICAL or len(self._recent) < self._alerts_max

    def _remember(self, standing: StandingAlert) -> None:
        cause = (standing.code, standing.subject)
        self._told.pop(cause, None)
        self._told[cause] = standing
        if len(self._told) > CAUSES_MAX:
            del self._told[next(iter(self._told))]
        if standing.level is not AlertLevel.CRITICAL:
            self._recent.append(standing.since_ns)
