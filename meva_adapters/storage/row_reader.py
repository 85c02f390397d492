"""Fetch rows of a session file, and say which file it was where that fails; know no table."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from meva_adapters.storage.session_file import storage_errors


class RowReader:
    """Read through *connection* from the file at *path*; whatever SQLite raises becomes a `StorageError`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def _one(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        with storage_errors(self._path):
            row: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return row

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with storage_errors(self._path):
            return self._connection.execute(sql, values).fetchall()
