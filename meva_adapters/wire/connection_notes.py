"""Write what became of a connection between recorded frames, and read it back as the same events; keep no state.

A note is a JSON object whose field `connection` says what happened: connected, lost, gap, or malformed (a frame
that could not be used, kept as text so that whoever reads the recording is not stopped by it either). A venue may
need notes of its own, which others pass over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, assert_never

import orjson

from meva_core.events import StreamConnected, StreamGapDetected, StreamLost

ConnectionEvent = StreamConnected | StreamLost | StreamGapDetected
# Takes the unified symbol (empty: about the whole connection), our receive time in ns, and the raw text. Returns
# whether a new recording begins with it, which needs a snapshot of its own.
Record = Callable[[str, int, str], bool]

_KIND: Final = "connection"
_FRAME_LETTERS_MAX: Final = (
    4_096  # Many times a trade: enough to see what was wrong, too little to fill a disk.
)


def note_of(event: ConnectionEvent) -> str:
    """Return the note of *event*, without its time."""
    match event:
        case StreamConnected():
            facts: dict[str, Any] = {_KIND: "connected"}
        case StreamLost():
            facts = {_KIND: "lost", "reason": event.reason}
        case StreamGapDetected():
            facts = {
                _KIND: "gap",
                "symbol": event.symbol,
                "expected_id": event.expected_id,
                "received_id": event.received_id,
            }
        case _:
            assert_never(event)
    return orjson.dumps(facts | {"stream_name": event.stream}).decode()


def note_of_malformed(frame: str, problem: str) -> str:
    """Return the note of a *frame* that could not be used, or of its beginning where it is long."""
    facts = {_KIND: "malformed", "problem": problem, "frame": frame[:_FRAME_LETTERS_MAX]}
    return orjson.dumps(facts).decode()


def is_note(data: dict[str, Any]) -> bool:
    """Return whether *data* is a note rather than a frame."""
    return _KIND in data


def read_note(received_ns: int, data: dict[str, Any]) -> ConnectionEvent | None:
    """Read a note; `None` for one that is no event. Raise `KeyError` or `TypeError` where it is not whole."""
    match data[_KIND]:
        case "connected":
            return StreamConnected(received_ns, _text(data, "stream_name"))
        case "lost":
            return StreamLost(received_ns, _text(data, "stream_name"), _text(data, "reason"))
        case "gap":
            return StreamGapDetected(
                received_ns,
                _text(data, "stream_name"),
                _text(data, "symbol"),
                _whole(data, "expected_id"),
                _whole(data, "received_id"),
            )
        case _:
            return None


def _text(data: dict[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _whole(data: dict[str, Any], name: str) -> int:
    value = data[name]
    if type(value) is not int:
        raise TypeError(f"{name} is no whole number")
    return value
