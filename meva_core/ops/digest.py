"""Decide which alerts wait, to be told together and not in the middle of the night; deliver and store nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.config.schema import DigestConfig
from meva_core.model.hours import NS_PER_DAY, Hours, time_of_day_ns
from meva_core.model.market import NS_PER_SECOND

DIGEST: Final = "digest"
# A quiet night of the most alerts that the rate limit lets out in eight hours; beyond it the oldest are counted.
WAITING_MAX: Final = 1_000
# By then every repetition of a delivery is over: who was not reached is told with the next digest.
AGAIN_NS: Final = 900 * NS_PER_SECOND
# Twenty lines of 180 characters fit into one message of any service (Telegram Bot API, sendMessage: 4,096).
_KINDS_MAX: Final = 20
_LINE_MAX: Final = 180
_SUBJECTS_MAX: Final = 3
_RANK: Final = {level: rank for rank, level in enumerate(AlertLevel)}


@frozen
class WaitingAlert:
    """Hold an alert that is told at *due_ns* or later, with when it was raised."""

    level: AlertLevel
    code: str
    subject: str
    message: str
    raised_ns: int
    due_ns: int


class Digest:
    """Gather what *config* lets wait. All times are UTC.

    An alert below the level `below` waits for the next time of the schedule; in quiet hours everything but a
    critical alert waits for their end. When one of them is due, all go into one message. They are kept until
    `told` says that the message has reached somebody; otherwise the next message holds them again.
    """

    def __init__(self, config: DigestConfig) -> None:
        """Raise `ValueError` for times that `meva_core.config.check` would refuse."""
        first_ns = time_of_day_ns(config.at)
        self._quiet = Hours.read(config.quiet_hours)
        if first_ns is None or (config.quiet_hours and self._quiet is None):
            raise ValueError(f"no times of day: {config.at!r}, {config.quiet_hours!r}")
        self._first_ns = first_ns
        self._every_ns = config.every_s * NS_PER_SECOND
        self._waits_below = _RANK[AlertLevel(config.below)]
        self._waiting: list[WaitingAlert] = []
        self._dropped = 0
        self._sent = 0
        self._due_ns = 0

    @property
    def waiting(self) -> tuple[WaitingAlert, ...]:
        """Return what waits, or is on its way and has reached nobody yet; oldest first."""
        return tuple(self._waiting)

    def is_quiet(self, now_ns: int) -> bool:
        """Return whether only critical alerts may leave at *now_ns*."""
        return self._quiet is not None and self._quiet.hold(now_ns)

    def hold(self, alert: RaiseAlert, now_ns: int) -> bool:
        """Keep *alert* if it may wait; return whether it does. What does not is to be told now."""
        is_low = _RANK[alert.level] < self._waits_below
        if alert.level is AlertLevel.CRITICAL or not (is_low or self.is_quiet(now_ns)):
            return False
        due_ns = self._next_ns(now_ns) if is_low else now_ns
        self._keep(WaitingAlert(alert.level, alert.code, alert.subject, alert.message, now_ns, due_ns))
        return True

    def due(self, now_ns: int, *, at_once: bool = False) -> RaiseAlert | None:
        """Return the message that is due at *now_ns*, or with *at_once* one of what waits; never in quiet hours.

        What is on its way already is not due for another quarter of an hour.
        """
        is_due = now_ns >= self._due_ns or (at_once and self._sent < len(self._waiting))
        if not self._waiting or self.is_quiet(now_ns) or not is_due:
            return None
        self._sent = len(self._waiting)
        self._due_ns = now_ns + AGAIN_NS
        level = max((item.level for item in self._waiting), key=_RANK.__getitem__)
        text = told_together(self._waiting, self._dropped)
        return RaiseAlert(level, DIGEST, "", text, {"alerts": self._sent, "dropped": self._dropped})

    def told(self) -> None:
        """Forget what the last message held: it has reached somebody."""
        del self._waiting[: self._sent]
        self._sent = self._dropped = 0
        self._due_ns = min((item.due_ns for item in self._waiting), default=0)

    def snapshot(self) -> dict[str, Any]:
        """Return what waits as plain values."""
        rows = [
            [item.level.value, item.code, item.subject, item.message, item.raised_ns, item.due_ns]
            for item in self._waiting
        ]
        return {"waiting": rows, "dropped": self._dropped}

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over what `snapshot` returned, behind nothing that waits already."""
        assert not self._waiting, "a digest is restored before its first alert"
        self._dropped = memory["dropped"]
        for level, *rest in memory["waiting"]:
            self._keep(WaitingAlert(AlertLevel(level), *rest))

    def _keep(self, item: WaitingAlert) -> None:
        self._due_ns = min(self._due_ns, item.due_ns) if self._waiting else item.due_ns
        self._waiting.append(item)
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[0]
            self._dropped += 1
            self._sent = max(self._sent - 1, 0)

    def _next_ns(self, now_ns: int) -> int:
        """Return the first time of the schedule after *now_ns*."""
        day_ns = now_ns - now_ns % NS_PER_DAY
        passed = (now_ns - day_ns - self._first_ns) // self._every_ns
        return day_ns + self._first_ns + (passed + 1) * self._every_ns


def told_together(items: list[WaitingAlert], dropped: int = 0) -> str:
    """Return one text for *items*, not empty: a line for each kind, the loudest and then the first raised first."""
    kinds: dict[tuple[AlertLevel, str], list[WaitingAlert]] = {}
    for item in items:
        kinds.setdefault((item.level, item.code), []).append(item)
    loudest = sorted(kinds.values(), key=lambda kind: -_RANK[kind[0].level])
    count = "1 alert waited" if len(items) == 1 else f"{len(items)} alerts waited"
    lines = [f"{count}, {_clock(items[0].raised_ns)} to {_clock(items[-1].raised_ns)} UTC"]
    lines += [_line(kind) for kind in loudest[:_KINDS_MAX]]
    if len(loudest) > _KINDS_MAX:
        lines.append(f"and {len(loudest) - _KINDS_MAX} more kinds: meva controls alerts")
    if dropped:
        lines.append(f"and {dropped} older ones, which the session file holds")
    return "\n".join(lines)


def _line(kind: list[WaitingAlert]) -> str:
    last = kind[-1]
    subjects = list(dict.fromkeys(item.subject for item in kind if item.subject))
    named = ", ".join(subjects[:_SUBJECTS_MAX])
    if len(subjects) > _SUBJECTS_MAX:
        named += f" and {len(subjects) - _SUBJECTS_MAX} more"
    times = f" x{len(kind)}" if len(kind) > 1 else ""
    about = f" ({named})" if named else ""
    line = f"{last.level.upper()} {last.code}{times}{about} {_clock(last.raised_ns)}: {last.message}"
    return line if len(line) <= _LINE_MAX else f"{line[: _LINE_MAX - 3]}..."


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC):%Y-%m-%d %H:%M}"
