"""Decide which request meets which fault, and hold the wrongs of the venue that last; carry none of them out."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final

from attrs import asdict, define, field

from meva_core.errors import ConfigError


class FaultKind(StrEnum):
    """Name every fault. Those of the first group strike calls, the others the venue as a whole."""

    LOST_BEFORE = "lost_before"  # The connection is cut and nothing was done.
    LOST_AFTER = "lost_after"  # The connection is cut after the call took effect.
    TIMEOUT_BEFORE = "timeout_before"  # Code -1007, and nothing was done.
    TIMEOUT_AFTER = "timeout_after"  # Code -1007, after the call took effect.
    DELAY_BEFORE = "delay_before"  # The call takes effect late, by *milliseconds*.
    DELAY_AFTER = "delay_after"  # The call takes effect at once, its answer is late.
    STATUS = "status"  # HTTP *status* before anything was done: 403, 418, 429, 500, 502, 503.
    STALE = "stale"  # A query is answered as of *milliseconds* ago.
    REJECT = "reject"  # Refused with *code* and *message*.

    CUT_STREAMS = "cut_streams"  # Every connection of *scope* is cut, without a closing handshake.
    SILENT_STREAMS = "silent_streams"  # Connections of *scope* stay up and say nothing for *milliseconds*.
    SHUTDOWN_EVENT = "shutdown_event"  # `serverShutdown` is sent to every connection.
    DROP_DEPTH = "drop_depth"  # The next *times* depth events of *symbol* are not sent.
    CROSS_DEPTH = (
        "cross_depth"  # The next *times* depth events of *symbol* bid what is asked, numbered in order.
    )
    DUPLICATE_USER_EVENTS = "duplicate_user_events"  # The next *times* user events are sent twice.
    LATE_USER_EVENTS = "late_user_events"  # The next *times* user events are *milliseconds* late.
    FRAME = "frame"  # *message*, whatever it is, is sent as it stands to every connection of *scope*.
    CLOCK_OFFSET = "clock_offset"  # The venue's clock is *milliseconds* ahead from now on.
    HALT = "halt"  # *symbol* gets the status *message* (HALT); TRADING opens it again.
    FILTERS = "filters"  # *filters* of *symbol* replace those in force.


CALL_FAULTS: Final = frozenset(
    {
        FaultKind.LOST_BEFORE,
        FaultKind.LOST_AFTER,
        FaultKind.TIMEOUT_BEFORE,
        FaultKind.TIMEOUT_AFTER,
        FaultKind.DELAY_BEFORE,
        FaultKind.DELAY_AFTER,
        FaultKind.STATUS,
        FaultKind.STALE,
        FaultKind.REJECT,
    }
)
USER_EVENT_FAULTS: Final = frozenset({FaultKind.DUPLICATE_USER_EVENTS, FaultKind.LATE_USER_EVENTS})
SCOPES: Final = ("all", "market", "user")
ANY_CALL: Final = "*"
RULES: Final = (
    "tick_size", "step_size", "min_quantity", "max_quantity", "min_notional", "max_notional", "max_price"
)  # fmt: skip
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?")


@define(kw_only=True)
class Fault:
    """Describe one fault. A call is named as in the WebSocket API (`order.place`), `*` for any.

    *times* counts how many calls or events it still strikes.
    """

    kind: FaultKind
    call: str = ANY_CALL
    times: int = 1
    milliseconds: int = 0
    status: int = 503
    retry_after_s: int = 1
    code: int = -1000
    message: str = ""
    symbol: str = ""
    scope: str = "all"
    filters: dict[str, str] = field(factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return asdict(self)


def fault_from(fields: Any) -> Fault:
    """Return the fault that *fields* of a JSON object describe; raise `ConfigError` where they do not."""
    if not isinstance(fields, dict):
        raise ConfigError((f"fault: got {fields!r}. Expected a JSON object.",))
    try:
        fault = Fault(**{**fields, "kind": FaultKind(fields.get("kind", ""))})
    except (TypeError, ValueError) as error:
        kinds = ", ".join(FaultKind)
        raise ConfigError((f"fault: {error}. Known kinds: {kinds}.",)) from error
    problems = [
        f"fault.{name}: got {getattr(fault, name)!r}. Expected {expected}."
        for name, expected, fits in (
            ("times", "a whole number from 1 up", type(fault.times) is int and fault.times > 0),
            ("milliseconds", "a whole number", type(fault.milliseconds) is int),
            ("status", "an HTTP status from 400 to 599", fault.status in range(400, 600)),
            ("filters", f"decimals by name among {', '.join(RULES)}", _are_rules(fault.filters)),
            ("scope", f"one of {', '.join(SCOPES)}", fault.scope in SCOPES),
        )
        if not fits
    ]
    if problems:
        raise ConfigError(tuple(problems))
    return fault


def _are_rules(filters: Any) -> bool:
    return isinstance(filters, dict) and all(
        name in RULES and isinstance(value, str) and _DECIMAL.fullmatch(value)
        for name, value in filters.items()
    )


class FaultBook:
    """Hold the faults that wait for a call or an event, in the order in which they were given."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let *fault* wait."""
        self.waiting.append(fault)

    def clear(self) -> None:
        """Forget every fault that waits."""
        self.waiting.clear()

    def for_call(self, call: str) -> list[Fault]:
        """Return the faults that strike this call, and count them down."""
        struck = [
            fault for fault in self.waiting if fault.kind in CALL_FAULTS and fault.call in (call, ANY_CALL)
        ]
        return self._count_down(struck)

    def for_user_event(self) -> list[Fault]:
        """Return the faults that strike this event of the user stream, and count them down."""
        return self._count_down([fault for fault in self.waiting if fault.kind in USER_EVENT_FAULTS])

    def _count_down(self, struck: list[Fault]) -> list[Fault]:
        for fault in struck:
            fault.times -= 1
        self.waiting = [fault for fault in self.waiting if fault.times > 0]
        return struck
