"""Append lines to one day's file as complete gzip members, mended first where a kill tore it; time nothing."""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from meva_adapters.feed.gzip_members import GzipMembers, member
from meva_adapters.wire.connection_notes import note_of
from meva_core.events import StreamLost

_DAY_S: Final = 86_400
_PIECE_BYTES: Final = 1 << 16
_INTERRUPTED: Final = "the recording was interrupted"


class FolderLock:
    """Hold a folder alone, until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self._descriptor = os.open(folder / ".recording", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            os.close(self._descriptor)
            raise BlockingIOError(exc.errno, "another process records there", str(folder)) from exc

    def release(self) -> None:
        """Let others record there."""
        os.close(self._descriptor)


class RecordedFile:
    """Be the file of one symbol and UTC *day* (whole days since 1970).

    A file that is there already is continued, after a note that *stream* was lost in between.
    """

    def __init__(self, folder: Path, name: str, day: int, *, stream: str) -> None:
        date = datetime.fromtimestamp(day * _DAY_S, UTC)
        self.path = folder / f"{name}_{date:%Y%m%d}.gz"
        self.day = day
        self._stream = stream
        self._last_ns = 0
        self._interrupted = False
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._mend()
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, lines: Sequence[tuple[int, str]]) -> None:
        """Add lines of (receive time, text). A clock that was set back is held at the last time that was written."""
        parts = []
        if self._interrupted and lines:
            self._interrupted = False
            lines = [(lines[0][0], note_of(StreamLost(0, self._stream, _INTERRUPTED))), *lines]
        for time_ns, text in lines:
            self._last_ns = max(self._last_ns, time_ns)
            parts.append(f"{self._last_ns} {text}\n" if "\n" not in text else self._one_line(text))
        self._write(member("".join(parts).encode()))

    def close(self) -> None:
        """Let the disk keep it, and close it."""
        try:
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _one_line(self, text: str) -> str:
        return f"{self._last_ns} {text.replace(chr(10), ' ')}\n"  # Between the tokens of JSON both are space.

    def _mend(self) -> None:
        """Cut a torn member off, write its complete lines again, and learn the last time that was written."""
        size_bytes = os.fstat(self._descriptor).st_size
        self._interrupted = size_bytes > 0
        with open(self._descriptor, "rb", closefd=False) as file:
            members = GzipMembers(file)
            begins, content = _last_member(members)
        lines = content[: content.rfind(b"\n") + 1]
        if lines:
            self._last_ns = int(lines[:-1].rpartition(b"\n")[2].partition(b" ")[0])
        if members.whole_bytes < size_bytes:
            os.ftruncate(self._descriptor, members.whole_bytes)
            if lines and begins == members.whole_bytes:
                self._write(member(lines))

    def _write(self, content: bytes) -> None:
        """Write *content*, or nothing of it: half a member would hide all that follows."""
        before = os.fstat(self._descriptor).st_size
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise


def _last_member(members: GzipMembers) -> tuple[int, bytes]:
    """Return where the last member with content begins, whole or torn, and what can be trusted of that content."""
    begins, content = 0, bytearray()
    try:
        for piece in members.pieces(_PIECE_BYTES):
            if members.whole_bytes > begins:
                begins, content = members.whole_bytes, bytearray()
            content += piece
    except zlib.error:
        return begins, b""  # Its check sum never came, so any of it may be wrong.
    return begins, bytes(content)
