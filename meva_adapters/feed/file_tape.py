"""Make a tape of one file: what a reader reads, checked for order, in blocks of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from meva_adapters.feed.ordering import Numbered, Ordering, cut, sorted_rows
from meva_adapters.feed.recording import Recording
from meva_core.errors import DataError
from meva_core.ports.market_feed import Block


class Reader(Protocol):
    """Read the rows of one format. *skipped* counts what it knows of and has no use for."""

    skipped: int

    @property
    def rounded(self) -> int:
        """Return how many sizes (never prices) were rounded down to whole lots so far."""
        ...

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the unified symbols that may come."""
        ...

    def read(self, recording: Recording) -> Iterator[Numbered]:
        """Yield the rows with their line numbers, from the beginning; raise `DataError` at a bad one."""
        ...


class FileTape:
    """Be the `Tape` of one recorded file. Every call of `blocks` starts again at the beginning."""

    def __init__(self, recording: Recording, reader: Reader, *, sort: bool, block_rows: int) -> None:
        assert block_rows > 0, "a block has rows"
        self._recording = recording
        self._reader = reader
        self._sort = sort
        self._block_rows = block_rows
        self._rounded_before = 0
        self._ordering = Ordering(recording.source)

    def __repr__(self) -> str:
        symbols = ", ".join(self.symbols)
        return f"{type(self).__name__}({self.source!r}, {symbols}, {self.size_bytes:,} bytes)"

    @property
    def source(self) -> str:
        """Return the file's path as it was given."""
        return self._recording.source

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the unified symbols it may contain."""
        return self._reader.symbols

    @property
    def digest(self) -> str:
        """Return the BLAKE2b-128 of the unpacked content, in hex; free after the tape was read to its end."""
        return self._recording.digest

    @property
    def size_bytes(self) -> int:
        """Return the file's size, packed as it is."""
        return self._recording.size_bytes

    @property
    def position_bytes(self) -> int:
        """Return how much of the packed file has been read."""
        return self._recording.position_bytes

    @property
    def duplicates(self) -> int:
        """Return how many trades were dropped so far because their id had come before."""
        return self._ordering.duplicates

    @property
    def fault(self) -> DataError | None:
        """Return the first place so far where a repeated trade was dropped or book updates are missing."""
        return self._ordering.fault

    @property
    def cut(self) -> bool:
        """Return whether it ended amid a packed piece, and was read up to its last complete line."""
        return self._recording.cut

    @property
    def skipped(self) -> int:
        """Return how many frames were passed over so far because nothing here reads their kind."""
        return self._reader.skipped

    @property
    def rounded(self) -> int:
        """Return how many sizes (never prices) were rounded down to whole lots so far."""
        return self._reader.rounded - self._rounded_before

    def blocks(self) -> Iterator[Block]:
        """Yield the rows from the beginning; raise `DataError` with file and line on a bad one."""
        self._ordering = Ordering(self.source)
        self._rounded_before = self._reader.rounded
        numbered = self._reader.read(self._recording)
        if self._sort:
            numbered = sorted_rows(numbered, self.source)
        for lines, block in self._ordering.check(numbered):
            rows = len(lines)
            if 0 < rows <= self._block_rows:
                yield block
                continue
            for start in range(0, rows, self._block_rows):
                yield cut(block, start, start + self._block_rows)
