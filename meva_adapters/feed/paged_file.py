"""Keep fetched rows in one CSV file that grows by whole pages and is complete only under its final name; fetch nothing.

What a kill or a Ctrl-C leaves is `<name>.part`: it is mended to its last whole row, and continued from there.
"""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from meva_core.errors import ConfigError, DataError, install

Row = tuple[str, ...]

_TAIL_BYTES: Final = 1 << 16  # A row has some hundred.


class PagedFile:
    """Append pages of rows to *path* with ".part" added; `finish` gives it its name. One process at a time.

    *last* is the last row that is there already, without its symbol. Raises `DataError` for a file that is not
    ours, and `BlockingIOError` where another process writes it.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, symbol: str) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self._header = ",".join((*columns, "symbol")) + "\n"
        self._cells = len(columns)
        self._symbol = symbol
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            self._lock()
            self.last = self._mended()
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, rows: Sequence[Row]) -> None:
        """Add a page, durably."""
        text = "".join([f"{','.join(row)},{self._symbol}\n" for row in rows])
        self._write(text.encode())
        os.fsync(self._descriptor)
        self.last = rows[-1]

    def finish(self) -> None:
        """Give the file its final name: nothing more will come."""
        self.part.replace(self.path)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise BlockingIOError(exc.errno, "another process writes it", str(self.part)) from exc

    def _mended(self) -> Row | None:
        """Cut a torn last row off and return the last whole one; write the header where there is nothing."""
        size = os.fstat(self._descriptor).st_size
        header = self._header.encode()
        if size < len(header):
            os.ftruncate(self._descriptor, 0)
            self._write(header)
            return None
        if os.pread(self._descriptor, len(header), 0) != header:
            problem = "the file has other columns than those that are fetched."
            raise DataError(str(self.part), 1, problem, "Move it away, or fetch into another folder.")
        tail = os.pread(self._descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        whole = tail[: tail.rfind(b"\n") + 1]
        os.ftruncate(self._descriptor, size - len(tail) + len(whole))
        line = whole[:-1].rpartition(b"\n")[2].decode(errors="replace")
        if line + "\n" == self._header:
            return None
        *cells, symbol = line.split(",")
        if len(cells) != self._cells or symbol != self._symbol or not cells[0].isdecimal():
            problem = f"its last row {line[:60]!r} is damaged."
            raise DataError(str(self.part), 0, problem, "Remove the file, and fetch it again.")
        return tuple(cells)

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]


def cells_of(path: Path, *columns: str) -> Iterator[Row]:
    """Yield the named *columns* of a file of ours, CSV or Parquet, row by row."""
    if path.suffix == ".parquet":
        yield from _parquet_cells(path, columns)
        return
    with path.open(newline="") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        places = [header.index(name) for name in columns]
        for cells in lines:
            yield tuple([cells[place] for place in places])


def write_parquet(source: Path, target: Path, *, whole_columns: Sequence[str]) -> None:
    """Write the rows of *source* to *target*, amounts as the text they came in; raise `ConfigError` without pyarrow."""
    try:
        from pyarrow import csv as arrow_csv
        from pyarrow import int64, string
        from pyarrow import parquet as pq
    except ImportError as exc:
        raise ConfigError((f"--format parquet needs an extra: {install('parquet')}",)) from exc
    with source.open() as file:
        names = file.readline().rstrip("\n").split(",")
    types: dict[str, Any] = {name: int64() if name in whole_columns else string() for name in names}
    part = target.with_name(target.name + ".part")
    with (
        arrow_csv.open_csv(source, convert_options=arrow_csv.ConvertOptions(column_types=types)) as batches,
        pq.ParquetWriter(part, batches.schema) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)
    part.replace(target)


def _parquet_cells(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    from pyarrow import parquet as pq

    with pq.ParquetFile(path) as table:
        for batch in table.iter_batches(columns=list(columns)):
            lists = [batch.column(name).to_pylist() for name in columns]
            for values in zip(*lists, strict=True):
                yield tuple([str(value) for value in values])
