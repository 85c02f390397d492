"""Count events from append to commit, and refuse gaps and hoards; keep no event."""

from __future__ import annotations

from typing import Final

from attrs import define

from meva_core.errors import InvariantError

WAITING_MAX: Final = 1 << 20  # A journal that nobody commits must not fill the memory.


@define
class EventCount:
    """Follow the last sequence that was appended, and how many events wait for a commit."""

    last_sequence: int
    waiting: int = 0

    def advance(self, first_sequence: int, count: int) -> None:
        """Take *count* events from *first_sequence* on; raise `InvariantError` and take none otherwise."""
        expected = self.last_sequence + 1
        if first_sequence != expected:
            facts = f"expected {expected}, got {first_sequence}"
            raise InvariantError("journal sequences rise by one", facts)
        if count < 0 or self.waiting + count > WAITING_MAX:
            facts = f"{self.waiting} wait, {count} were added, the limit is {WAITING_MAX}"
            raise InvariantError("a journal is committed regularly", facts)
        self.last_sequence += count
        self.waiting += count
