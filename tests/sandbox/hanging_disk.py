"""Run a live agent whose disk hangs, amid a transaction of the real file, while `hang` lies there; claim nothing."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

from meva_adapters.storage.pending import Drained
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_runners.live import main
from meva_runners.trading import sessions

HANG: Final = "hang"


class HangingSession(SqliteSession):
    """Begin to commit, and come to no end."""

    def _write(self, connection: sqlite3.Connection, drained: Drained) -> None:
        while hangs(self.path):
            time.sleep(0.01)
        super()._write(connection, drained)


def hangs(path: Path) -> bool:
    """Return whether the disk below *path* hangs."""
    return path.with_name(HANG).exists()


if __name__ == "__main__":
    vars(sessions)["SqliteSession"] = HangingSession
    main()
