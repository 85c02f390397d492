"""Run the storage contracts on the stores that ship: in memory and in SQLite."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from meva_adapters.contracts.state_kit import StateStoreHarness
from meva_adapters.contracts.storage_kit import SessionHarness
from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.storage.memory import MemorySession, MemoryStateStore
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_adapters.storage.sqlite_state import SqliteStateStore
from meva_core.ports.storage import LedgerRow, PortfolioStateStore, Session


class MemorySessionHarness(SessionHarness):
    """The store of tests and experiments."""

    def make(self) -> Session:
        """Return an empty session."""
        return MemorySession(HEADER)

    def restarted(self, session: Session) -> Session:
        """Return what is committed, in a session of its own."""
        assert isinstance(session, MemorySession), "it made this session"
        return session.reopened()

    def ledger_of(self, session: Session) -> list[LedgerRow]:
        """Return the rows."""
        assert isinstance(session, MemorySession), "it made this session"
        return session.ledger

    def results_of(self, session: Session) -> dict[str, str]:
        """Return the results."""
        assert isinstance(session, MemorySession), "it made this session"
        return session.results


class SqliteSessionHarness(SessionHarness):
    """The store of every other run; segments of two or three events, so that blocks are cut."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="meva-contract-")
        self._path = Path(self._folder.name) / "session.db"
        self._open: list[SqliteSession] = []

    def make(self) -> Session:
        """Return a session in a new file."""
        self._open.append(SqliteSession.create(self._path, HEADER, segment_events=3))
        return self._open[-1]

    def close(self) -> None:
        """Let go of the file and remove it."""
        if self._open:
            self._open[-1].abandon()
        self._folder.cleanup()

    def restarted(self, session: Session) -> Session:
        """Open the file again after nobody closed it."""
        self._open[-1].abandon()
        self._open.append(SqliteSession.open(self._path, segment_events=2))
        return self._open[-1]

    def ledger_of(self, session: Session) -> list[LedgerRow]:
        """Return what the ledger table holds."""
        rows = self._rows("SELECT time_ns, cause, account, asset, amount FROM ledger ORDER BY id")
        return [
            LedgerRow(int(time_ns), cause, account, asset, Decimal(amount))
            for time_ns, cause, account, asset, amount in rows
        ]

    def results_of(self, session: Session) -> dict[str, str]:
        """Return what the table of results holds."""
        return dict(self._rows("SELECT name, value FROM results"))

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return what another program reads once the file is free."""
        self._open[-1].abandon()
        connection = sqlite3.connect(self._path)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


class MemoryStateStoreHarness(StateStoreHarness):
    """The state by itself, in memory."""

    def make(self) -> PortfolioStateStore:
        """Return an empty store."""
        return MemoryStateStore()


class SqliteStateStoreHarness(StateStoreHarness):
    """The state by itself, in a session file."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="meva-contract-")
        self._session: SqliteSession | None = None

    def make(self) -> PortfolioStateStore:
        """Return the store of a new file."""
        self._session = SqliteSession.create(Path(self._folder.name) / "session.db", HEADER)
        return SqliteStateStore(self._session)

    def close(self) -> None:
        """Close the session and remove its file."""
        if self._session is not None:
            self._session.close()
        self._folder.cleanup()


memory = MemorySessionHarness
sqlite = SqliteSessionHarness
memory_state = MemoryStateStoreHarness
sqlite_state = SqliteStateStoreHarness
