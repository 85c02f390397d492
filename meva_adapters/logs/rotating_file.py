"""Append lines to a file of bounded size, and keep finished files for a bounded time; look at no line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from meva_core.config.schema import LoggingConfig

_BYTES_PER_MB: Final = 1_000_000
_SECONDS_PER_DAY: Final = 86_400
# Logs tell positions and amounts: they are the owner's alone.
_MODE: Final = 0o600


class RotatingFile:
    """Write to *path*; when it is full it becomes `path.000001`, `path.000002`, ...

    Finished files are deleted when they are *retention_days* older than the newest of them. A line is in the
    file when `write` returns (not yet synced: logs explain, the journal proves).
    """

    def __init__(self, path: Path, config: LoggingConfig) -> None:
        self._path = path
        self._size_max = config.rotation_mb * _BYTES_PER_MB
        self._age_max_s = config.retention_days * _SECONDS_PER_DAY
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = self._open()

    def write(self, line: bytes) -> None:
        """Append *line*; turn the file over first when it would grow beyond its size."""
        if self._size and self._size + len(line) > self._size_max:
            self._turn_over()
        rest = memoryview(line)
        while rest:
            written = os.write(self._descriptor, rest)
            self._size += written
            rest = rest[written:]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._size = os.fstat(descriptor).st_size
        return descriptor

    def _turn_over(self) -> None:
        finished = self._finished()
        last = int(finished[-1].suffix[1:]) if finished else 0
        newest = self._path.with_name(f"{self._path.name}.{last + 1:06d}")
        self._path.rename(newest)
        full, self._descriptor = self._descriptor, self._open()
        os.close(full)
        oldest_s = newest.stat().st_mtime - self._age_max_s
        for path in finished:
            if path.stat().st_mtime < oldest_s:
                path.unlink()

    def _finished(self) -> list[Path]:
        """Return the finished files, oldest first."""
        prefix = f"{self._path.name}."
        files = (path for path in self._path.parent.iterdir() if path.name.startswith(prefix))
        return sorted(
            (path for path in files if path.suffix[1:].isdecimal()), key=lambda p: int(p.suffix[1:])
        )
