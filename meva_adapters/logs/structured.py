"""Set up structured logging for a running agent, and take it down again; nothing happens on import.

Runners call `configure_logging` once. The core's records go through `LogHandle.write`; adapters and runners
use loguru with a constant event name and bound data, for example
`logger.bind(category="reconcile", symbol=symbol).warning("order.lost")`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from loguru import logger

from meva_adapters.logs.interception import Interception, exception_lines
from meva_adapters.logs.json_lines import LineTarget, LineWriter, json_line, text_line
from meva_adapters.logs.redaction import Redactor
from meva_adapters.logs.rotating_file import RotatingFile
from meva_core.config.schema import AppConfig, LogCategory
from meva_core.errors import ConfigError
from meva_core.ops.log_fields import LOUDEST, category_of, level_of, log_entry
from meva_core.ops.log_records import Record

if TYPE_CHECKING:
    from loguru import Message

_NUMBERS: Final = logging.getLevelNamesMapping()
_NS_PER_US: Final = 1_000


class LogHandle:
    """Write log lines until closed; also a context manager.

    *redactor* takes further secrets as they become known. *audible* are the kinds of records that may be loud
    enough. *lost* counts lines that could not be written.
    """

    def __init__(self, writer: LineWriter, redactor: Redactor, levels: dict[str, int], general: int) -> None:
        self.redactor = redactor
        self._writer = writer
        self._levels = levels
        self._general = general
        self._quietest = min(general, *levels.values())
        self.audible = frozenset(
            kind for kind, loudest in LOUDEST.items() if _NUMBERS[loudest] >= self._quietest
        )
        logger.remove()
        self._sink = logger.add(
            self._take_message, level=self._quietest, format="{message}", diagnose=False, backtrace=False
        )
        self._interception: Interception | None = Interception(self._tell, general)

    @property
    def lost(self) -> int:
        """Return how many lines could not be written."""
        return self._writer.lost

    def write(self, record: Record, *, tick_id: int | None = None) -> None:
        """Write *record* if it is loud enough. *tick_id* is the sequence of the event behind it."""
        if type(record) not in self.audible:
            return
        number = _NUMBERS[level_of(record)]
        if number < self._quietest or number < self._levels[category_of(record)]:
            return
        entry = log_entry(record)
        if tick_id is not None:
            entry.fields["tick_id"] = tick_id
        self._writer.write(
            time_ns=entry.time_ns,
            level=entry.level,
            category=entry.category,
            event_type=entry.event_type,
            data=entry.fields,
        )

    def close(self) -> None:
        """Undo everything that `configure_logging` did; closing twice is harmless."""
        if self._interception is None:
            return
        self._interception.undo()
        self._interception = None
        logger.remove(self._sink)
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_message(self, message: Message) -> None:
        """Write what came through loguru."""
        record = message.record
        data = dict(record["extra"])
        category = str(data.pop("category", ""))
        if record["level"].no < self._levels.get(category, self._general):
            return
        if record["exception"] is not None:
            data["exception"] = exception_lines(record["exception"].value)
        moment = record["time"]
        self._writer.write(
            time_ns=int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * _NS_PER_US,
            level=record["level"].name,
            category=category,
            event_type=record["message"],
            data=data,
        )

    def _tell(self, event_type: str, level: int, data: dict[str, Any]) -> None:
        """Write what others said."""
        if level < self._general:
            return
        self._writer.write(
            time_ns=time.time_ns(),
            level=logging.getLevelName(level),
            category="",
            event_type=event_type,
            data=data,
        )


class StreamTarget:
    """Write lines to a text stream that somebody else opened and will close."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write *line* at once."""
        self._stream.write(line.decode("utf-8"))
        self._stream.flush()

    def close(self) -> None:
        """Leave the stream open: it is not ours."""


def configure_logging(config: AppConfig, stream: TextIO, *, secrets: Iterable[str] = ()) -> LogHandle:
    """Log as *config* says: to its log file, or else to *stream*; return the handle to write and close.

    Lines are JSON, except on a terminal, where they are short text. *secrets* are values no line may hold.
    Raise `ConfigError` when the log file cannot be written.
    """
    observability = config.observability
    redactor = Redactor(secrets)
    target = _target(config, stream)
    on_terminal = not observability.log_file and stream.isatty()
    writer = LineWriter(
        target,
        redactor,
        constants={"service": observability.service, "env": config.env, "mode": config.mode.value},
        render=text_line if on_terminal else json_line,
    )
    general = observability.log_level
    levels = {
        category.value: _NUMBERS[observability.logging.level_of(category, general)]
        for category in LogCategory
    }
    return LogHandle(writer, redactor, levels, _NUMBERS[general])


def _target(config: AppConfig, stream: TextIO) -> LineTarget:
    path = config.observability.log_file
    if not path:
        return StreamTarget(stream)
    try:
        return RotatingFile(Path(path).expanduser(), config.observability.logging)
    except OSError as error:
        problem = f"observability.log_file: {path} cannot be written ({error.strerror}); name a writable file"
        raise ConfigError((problem,)) from error
