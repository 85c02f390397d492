"""Lead what others say into our log: the standard library's logging, warnings and uncaught exceptions."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any

Teller = Callable[[str, int, dict[str, Any]], None]
"""Take event type, level number and data."""


class Interception:
    """Stand in for the root handlers and the hooks of this process until *undo*."""

    def __init__(self, tell: Teller, level: int) -> None:
        self._tell = tell
        root = logging.getLogger()
        self._handlers, self._level = root.handlers[:], root.level
        self._hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        root.handlers[:] = [_Forwarder(tell)]
        root.setLevel(level)
        logging.captureWarnings(True)
        sys.excepthook = self._crashed
        threading.excepthook = self._thread_crashed
        sys.unraisablehook = self._unraisable

    def undo(self) -> None:
        """Put everything back as it was found."""
        root = logging.getLogger()
        root.handlers[:] = self._handlers
        root.setLevel(self._level)
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks

    def _crashed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._hooks[0](kind, error, trace)
            return
        self._tell("process.crashed", logging.CRITICAL, {"exception": exception_lines(error)})

    def _thread_crashed(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else ""
        data = {"thread": name, "exception": exception_lines(args.exc_value)}
        self._tell("thread.crashed", logging.CRITICAL, data)

    def _unraisable(self, args: Any) -> None:
        data = {"text": args.err_msg or "", "exception": exception_lines(args.exc_value)}
        self._tell("process.unraisable", logging.ERROR, data)


class _Forwarder(logging.Handler):
    """Hand records of the standard library on; their text is data, never our message."""

    def __init__(self, tell: Teller) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Hand *record* on."""
        data: dict[str, Any] = {"logger": record.name, "text": _text(record)}
        if record.exc_info and record.exc_info[1] is not None:
            data["exception"] = exception_lines(record.exc_info[1])
        self._tell("library.message", record.levelno, data)


def exception_lines(error: BaseException | None) -> list[str]:
    """Return the traceback with its causes, line by line, without the values of variables."""
    if error is None:
        return []
    text = "".join(traceback.format_exception(error))
    return text.splitlines()


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # A library's wrong arguments; what it meant still counts.
        return f"{record.msg} {record.args!r}"
