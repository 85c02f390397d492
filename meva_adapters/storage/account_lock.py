"""Let one process at a time trade an account, whatever session it writes; it knows nothing of other machines.

A session refuses a second writer by itself. Two sessions of one account would each believe that every order and every
balance of it is theirs alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import Final
from urllib.parse import quote

from meva_core.errors import StorageError

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_HOLDER_BYTES_MAX: Final = 1_000


class AccountLock:
    """Hold *account* at *venue* from construction to `close`; the system releases it when the process dies.

    *folder* is the same for every agent of a user and is made with mode 0700. *holder* is what a second process is
    told of the first. Raise `StorageError` when another process holds the account, or the lock is not ours to take.
    """

    def __init__(self, folder: Path, *, venue: str, account: str, holder: str) -> None:
        path = folder / f"{quote(venue, safe='')}-{quote(account, safe='')}.lock"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, _FLAGS, 0o600)
        except OSError as problem:
            remedy = "Make the folder writable for this user, or choose another one."
            raise StorageError(str(path), f"cannot be opened: {problem.strerror}.", remedy) from problem
        try:
            _take(descriptor, path, f"{account} at {venue}")
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{holder} (process {os.getpid()})".encode()[:_HOLDER_BYTES_MAX], 0)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Give the account free; the file stays, for removing it would race with the next process."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _take(descriptor: int, path: Path, account: str) -> None:
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid():
        raise StorageError(str(path), "is no file of this user.", "Remove it and start again.")
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    holder = os.pread(descriptor, _HOLDER_BYTES_MAX, 0).decode(errors="replace")
    remedy = "Two agents on one account would take each other's orders for their own: stop that one first."
    raise StorageError(str(path), f"account {account} is in use by {holder}.", remedy)
