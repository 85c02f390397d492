"""Keep the canonical state by itself in a session file; the journal and its checkpoints do not need it."""

from __future__ import annotations

from attrs import frozen

from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from meva_core.model.state import CanonicalState


@frozen
class SqliteStateStore:
    """Load and save the canonical state through an open *session*."""

    session: SqliteSession

    def load(self) -> CanonicalState:
        """Return the newest state; raise `StorageError` when there is none."""
        state = self.session.load_state()
        if state is None:
            raise StorageError(str(self.session.path), "holds no state yet.", "Save one first.")
        return state

    def save(self, state: CanonicalState) -> None:
        """Make *state* durable; the newest few are kept."""
        self.session.save_state(state)
