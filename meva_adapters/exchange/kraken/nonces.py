"""Give each private call a higher nonce than any before, across restarts and clocks that were set back.

The file holds a number that no nonce given so far exceeds: it is written ahead, so that one write serves the calls
of a minute. It stays locked while in use, for two programs with one key would overtake each other's nonces.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Final, Protocol, Self

from meva_core.errors import ConfigError
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.clock import Clock

_AHEAD_NS: Final = 60 * NS_PER_SECOND
_LENGTH: Final = (
    20  # Digits of the largest 64-bit number; a write of one length never leaves old digits behind.
)
_CONTENT: Final = re.compile(rb"[0-9]{20}\n")


class Nonces(Protocol):
    """Number the calls of one key."""

    def next(self) -> int:
        """Return a nonce above every earlier one of this key."""
        ...


class MemoryNonces:
    """Count in nanoseconds of *clock*, and remember nothing: for a venue that counts anew as often as we do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return the next nonce."""
        self._last = max(self._last + 1, self._clock.now_ns())
        return self._last


class NonceFile:
    """Count in nanoseconds of *clock*, from the file *path*, which belongs to one API key alone.

    Raises `ConfigError` where the file cannot be used or another program uses it. *beside* another program it counts
    from where that one may not get without a look at the disk: the other's calls are refused for up to a minute,
    and ours are not, as it must be when orders are cancelled for a program that does not answer.
    """

    def __init__(self, path: Path, clock: Clock, *, beside: bool = False) -> None:
        self._path = path
        self._beside = beside
        self._clock = clock
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            raise self._unusable(
                f"cannot be opened ({exc.strerror})", "Give a file in a folder of your own."
            ) from exc
        try:
            self._last = self._reserved = self._begin()
        except ConfigError:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)

    def next(self) -> int:
        """Return the next nonce; what a restart must exceed is on the disk before."""
        nonce = max(self._last + 1, self._clock.now_ns())
        if nonce > self._reserved:
            self._reserve(nonce + _AHEAD_NS)
        self._last = nonce
        return nonce

    def _begin(self) -> int:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if not self._beside:
                raise self._unusable(
                    "is in use by another program", "Give each agent an API key and a file of its own."
                ) from exc
        content = os.pread(self._descriptor, _LENGTH + 2, 0)
        if not content:
            _sync_folder(self._path)
            return 0
        if not _CONTENT.fullmatch(content):
            raise self._unusable("is damaged", "Make a new API key, and delete the file.")
        return int(content)

    def _reserve(self, bound: int) -> None:
        os.pwrite(self._descriptor, b"%020d\n" % bound, 0)
        os.fsync(self._descriptor)
        self._reserved = bound

    def _unusable(self, problem: str, remedy: str) -> ConfigError:
        return ConfigError((f"{self._path}: the file of nonces {problem}. {remedy}",))


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
