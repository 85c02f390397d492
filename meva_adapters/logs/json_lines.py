"""Turn one log entry into one line, redacted last, and write it; decide not what is worth a line."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import orjson

from meva_adapters.logs.redaction import Redactor
from meva_core.model.market import NS_PER_SECOND

# Every line has these, in this order (specification, section 5), then the data of the event.
COLUMNS: Final = (
    "ts",
    "level",
    "service",
    "env",
    "mode",
    "category",
    "symbol",
    "event_type",
    "trace_id",
    "tick_id",
    "client_order_id",
    "exchange_order_id",
    "strategy",
    "message",
)
# What an event may say of itself; the others are the log's own, and data of the same name is set apart.
_OF_THE_EVENT: Final = frozenset(
    {"symbol", "trace_id", "tick_id", "client_order_id", "exchange_order_id", "strategy"}
)
_OF_THE_LOG: Final = frozenset(COLUMNS) - _OF_THE_EVENT


class LineTarget(Protocol):
    """Take finished lines."""

    def write(self, line: bytes) -> None:
        """Write *line*, its line break included."""
        ...

    def close(self) -> None:
        """Release what was opened."""
        ...


class LineWriter:
    """Write entries as lines, from any thread.

    A line that cannot be written is lost, never an obstacle: *lost* counts, and the first is told on the
    process's own standard error.
    """

    def __init__(
        self,
        target: LineTarget,
        redactor: Redactor,
        *,
        constants: Mapping[str, str],
        render: Callable[[dict[str, Any]], bytes] | None = None,
    ) -> None:
        self._target = target
        self._redactor = redactor
        self._blank: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {"tick_id": None} | dict(constants)
        self._render = render or json_line
        self._lock = threading.RLock()  # A warning may be logged while a line is being made.
        self._second = -1
        self._second_text = ""
        self.lost = 0

    def write(
        self, *, time_ns: int, level: str, category: str, event_type: str, data: Mapping[str, Any]
    ) -> None:
        """Write one line. *event_type* is a constant of the program; everything else is data."""
        with self._lock:
            line = self._blank | {"ts": self._timestamp(time_ns), "level": level, "category": category}
            line["event_type"] = line["message"] = event_type
            for key, value in data.items():
                line[f"data_{key}" if key in _OF_THE_LOG else key] = value
            self._put(self._serialised(line))

    def close(self) -> None:
        """Close the target."""
        with self._lock:
            self._target.close()

    def _serialised(self, line: dict[str, Any]) -> bytes:
        """Return the finished line. Redaction is the last thing that happens to its values."""
        redactor = self._redactor
        return self._render({redactor.text(key): redactor.field(key, value) for key, value in line.items()})

    def _put(self, line: bytes) -> None:
        try:
            self._target.write(line)
        except (OSError, ValueError) as error:  # A full disk; a stream that somebody closed.
            self.lost += 1
            if self.lost == 1 and sys.__stderr__ is not None:
                sys.__stderr__.write(f"log lines are lost: {type(error).__name__}\n")

    def _timestamp(self, time_ns: int) -> str:
        second, rest = divmod(time_ns, NS_PER_SECOND)
        if second != self._second:
            self._second = second
            self._second_text = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
        return f"{self._second_text}.{rest:09d}Z"


def json_line(fields: dict[str, Any]) -> bytes:
    """Return *fields* as one JSON object on one line."""
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def text_line(fields: dict[str, Any]) -> bytes:
    """Return *fields* as a person reads them on a terminal: what is empty is left out."""
    shown = [
        f"{key}={value}"
        for key, value in fields.items()
        if key not in _OF_THE_LOG and value not in ("", None)
    ]
    head = f"{fields['ts'][11:23]} {fields['level']:<8} {fields['event_type']:<18}"
    return " ".join((head, *shown)).encode("utf-8") + b"\n"
