"""Follow the numbers of one order book's changes and say when a snapshot is needed; keep no level."""

from __future__ import annotations


class BookNumbers:
    """Apply the venue's recipe ("How to manage a local order book correctly") to numbers alone."""

    def __init__(self) -> None:
        self.synchronised = False
        self._first: int | None = None
        self._last: int | None = None

    @property
    def expected(self) -> int:
        """Return the number with which the next change must begin; 0 before the first."""
        return 0 if self._last is None else self._last + 1

    def take(self, first: int, last: int) -> bool:
        """Take a change; return whether it continues the numbering. After a gap a new snapshot is needed."""
        if self._last is not None and first > self._last + 1:
            self._first, self._last, self.synchronised = first, last, False
            return False
        if self._first is None:
            self._first = first
        self._last = last if self._last is None else max(self._last, last)
        return True

    def renew(self) -> None:
        """Ask for a snapshot that joins the changes from now on, although nothing is missing."""
        self._first, self.synchronised = None, False

    def take_snapshot(self, number: int) -> bool:
        """Return whether the snapshot joins the changes that came; one that ends before them does not."""
        self.synchronised = self._first is not None and number + 1 >= self._first
        if self.synchronised and self._last is not None:
            self._last = max(self._last, number)
        return self.synchronised
