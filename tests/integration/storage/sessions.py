"""Offer session files in every condition, and a look at them from outside; check nothing."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from meva_adapters.contracts.storage_samples import HEADER, fill_journal
from meva_adapters.storage.sqlite_journal import SqliteSession


def closed_session(path: Path) -> Path:
    """Return *path* with a session of ten events that ended in order."""
    session = SqliteSession.create(path, HEADER, segment_events=3)
    fill_journal(session)
    session.close([("equity", "100.10")])
    return path


def cut_off_session(path: Path) -> Path:
    """Return *path* with the same session after a loss of power: everything stands in the write-ahead log."""
    session = SqliteSession.create(path.with_name("original.db"), HEADER, segment_events=3)
    fill_journal(session)
    for suffix in ("", "-wal"):
        copied = path.with_name(path.name + suffix)
        copied.write_bytes(path.with_name("original.db" + suffix).read_bytes())
        copied.chmod(0o600)
    session.abandon()
    path.with_name("original.db").unlink()
    return path


def secured_session(path: Path) -> Path:
    """Return *path* with the same session, the later half of it secured and not committed when its process ended."""
    session = SqliteSession.create(path, HEADER, segment_events=3)
    commit, commits = session.commit, iter((session.commit, session.securing))
    session.commit = lambda: _done(next(commits)())  # type: ignore[method-assign]
    fill_journal(session)
    session.commit = commit  # type: ignore[method-assign]
    session.abandon()
    return path


def _done(rest: Callable[[], None] | None) -> None:
    if rest is not None:
        rest()


def contents(path: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the time of the last change of *path* and what stands beside it under its name."""
    files = sorted(path.parent.glob(path.name + "*"))
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def change(path: Path, sql: str, *values: object) -> None:
    """Change a session as another program would, behind its back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute(sql, values)


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return what another program reads in a session that is closed."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        return connection.execute(sql).fetchall()


@contextmanager
def as_common_user() -> Iterator[Path]:
    """Give a directory of a user whom permissions bind, and be that user meanwhile; root is bound by none."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        if root:
            os.chown(folder, 65_534, 65_534)
            os.seteuid(65_534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
