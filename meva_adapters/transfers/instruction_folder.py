"""Write each approved transfer as one file for the person, or the program, that can withdraw; move no money.

A file appears whole or not at all and is never written again, so whoever works the folder off by file name pays each
transfer once. What was paid comes back as `meva controls settle`, or as the venue's own report.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import orjson

from meva_core.commands import TransferFunds
from meva_core.errors import DataError, StorageError
from meva_core.model.money import plain
from meva_core.ports.transfers import TransferReceipt

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}")


class FolderTransferExecutor:
    """Keep instructions in *folder* (0700, made when it is not there) as `<transfer_id>.json` (0600)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        """Write the instruction, unless it is there already."""
        name = transfer.transfer_id
        if not _NAME.fullmatch(name):
            raise DataError(name, 0, "is no name for a file.", "Use letters, digits and _ . @ - alone.")
        content = orjson.dumps(
            {
                "transfer_id": name,
                "asset": transfer.asset,
                "amount": plain(transfer.amount),
                "destination": transfer.destination,
            }
        )
        path = self._folder / f"{name}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _put(path, content) and path.read_bytes() != content:
                raise DataError(str(path), 0, "holds another transfer.", "Nothing was instructed.")
        except OSError as problem:
            raise StorageError(
                str(path), f"was not written: {problem}.", "Make room, then start again."
            ) from problem
        return None


def _put(path: Path, content: bytes) -> bool:
    """Put *content* at *path*, durable and in one step; return whether nothing was there before."""
    draft = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # Unlike a rename, it never replaces what is there.
    except FileExistsError:
        return False
    finally:
        draft.unlink()
        _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
