"""Read a table of comma-separated text: by columns where a proof holds, else row by row with exact errors."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Final

from meva_adapters.feed.columns import Shape, integer_columns, shape_of
from meva_adapters.feed.layout import Layout
from meva_adapters.feed.ordering import Numbered
from meva_adapters.feed.recording import Recording
from meva_adapters.feed.rows import Rows
from meva_adapters.wire.grid import BadCellError
from meva_core.errors import DataError
from meva_core.model.market import Side

_ROW_BYTES: Final = 40  # A usual row; one read then gives about one block.


class CsvReader:
    """Read the table whose first data row is on *data_line*."""

    skipped = 0

    def __init__(self, layout: Layout, rows: Rows, *, symbol: str, data_line: int, block_rows: int) -> None:
        self._layout = layout
        self._rows = rows
        self._symbol = symbol
        self._data_line = data_line
        self._read_bytes = block_rows * _ROW_BYTES
        self._shape: Shape | None = None

    @property
    def rounded(self) -> int:
        """Return how many volumes were rounded down so far."""
        return self._rows.rounded

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the one symbol of the table."""
        return (self._symbol,)

    def read(self, recording: Recording) -> Iterator[Numbered]:
        """Yield the rows with their line numbers; raise `DataError` at a bad one, after those before it."""
        found = False
        for first, text in self._data_lines(recording):
            if not found:
                self._shape = shape_of(text[: text.index(b"\n")].rstrip(b"\r").split(b","))
            columns = integer_columns(self._shape, text) if self._shape else None
            block = self._rows.columns(columns, self._shape.kinds) if columns and self._shape else None
            if columns and block:
                yield range(first, first + len(columns[0])), block
            else:
                yield from self._row_by_row(recording.source, first, text)
            found = True
        if not found:
            raise DataError(
                recording.source, 0, "the file has a header and no rows.", "Give a file with data."
            )

    def _data_lines(self, recording: Recording) -> Iterator[tuple[int, bytes]]:
        for number, lines in recording.lines(self._read_bytes):
            first, text = number, lines
            while text and first < self._data_line:
                text = text[text.index(b"\n") + 1 :]
                first += 1
            if text:
                yield first, text

    def _row_by_row(self, source: str, first: int, text: bytes) -> Iterator[Numbered]:
        lines: list[int] = []
        rows: list[tuple[int | Side, ...]] = []
        fault: DataError | None = None
        for line, row in enumerate(text.decode(errors="replace").split("\n")[:-1], first):
            if not row.strip():
                continue
            try:
                rows.append(self._rows.read(self._cells(row)))
            except BadCellError as exc:
                fault = DataError(source, line, exc.problem, exc.remedy)
                break
            lines.append(line)
        if rows:
            yield lines, self._rows.block(rows)
        if fault:
            raise fault

    def _cells(self, row: str) -> Sequence[str]:
        cells = cells_of(row)
        if len(cells) != len(self._layout.names):
            raise BadCellError(
                f"the row {row[:60].rstrip()!r} has {len(cells)} columns, not {len(self._layout.names)}.",
                "Mend or remove it; the file may have been cut short.",
            )
        if self._layout.is_header(cells):
            raise BadCellError("the header comes a second time.", "Remove this line.")
        return cells


def cells_of(row: str) -> list[str]:
    """Return the cells of one line."""
    row = row.rstrip("\r")
    if '"' not in row:
        return row.split(",")
    try:
        return next(csv.reader([row]))
    except csv.Error as exc:
        raise BadCellError(f"the row {row[:60]!r} cannot be split ({exc}).", "Mend or remove it.") from exc
