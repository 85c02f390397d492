"""Read a Parquet table of trades or bars in batches; prices stay exact whatever type holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import attrs

from meva_adapters.feed.layout import Layout, header_layout
from meva_adapters.feed.ordering import Numbered
from meva_adapters.feed.recording import Recording
from meva_adapters.feed.rows import Rows
from meva_adapters.wire.grid import BadCellError
from meva_core.errors import ConfigError, DataError, install
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side

PARQUET_MAGIC: Final = b"PAR1"
_TIMESTAMP_NS: Final = {"s": NS_PER_SECOND, "ms": NS_PER_MS, "us": 1_000, "ns": 1}


class ParquetReader:
    """Read the columns that *layout* names."""

    skipped = 0

    def __init__(self, layout: Layout, rows: Rows, *, symbol: str, block_rows: int) -> None:
        self._layout = layout
        self._rows = rows
        self._symbol = symbol
        self._block_rows = block_rows

    @property
    def rounded(self) -> int:
        """Return how many volumes were rounded down so far."""
        return self._rows.rounded

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the one symbol of the table."""
        return (self._symbol,)

    def read(self, recording: Recording) -> Iterator[Numbered]:
        """Yield the rows, numbered from 1; raise `DataError` at a bad one, after those before it."""
        first = 1
        for cells in parquet_cells(recording, self._layout, self._block_rows):
            rows: list[tuple[int | Side, ...]] = []
            fault: DataError | None = None
            for number, row in enumerate(cells, first):
                try:
                    rows.append(self._rows.read(row))
                except BadCellError as exc:
                    fault = DataError(recording.source, number, exc.problem, exc.remedy)
                    break
            if rows:
                yield range(first, first + len(rows)), self._rows.block(rows)
            if fault:
                raise fault
            first += len(rows)
        if first == 1:
            raise DataError(recording.source, 0, "the table has no rows.", "Give a file with data.")


def parquet_layout(recording: Recording, *, base: str | None) -> Layout:
    """Return what the file's schema says; raise `DataError` when it is no table of trades or bars."""
    with _table(recording) as table:
        schema = table.schema_arrow
    layout = header_layout(schema.names, source=recording.source, line=0, base=base)
    if layout is None:
        found = ", ".join(schema.names)[:120]
        problem = f"the columns {found!r} are neither trades (price) nor bars (open, high, low, close)."
        raise DataError(recording.source, 0, problem, "Rename them as the reference of tapes names them.")
    is_timestamp = hasattr(schema.field(layout.places["time"]).type, "unit")
    return attrs.evolve(layout, times_are_ns=True) if is_timestamp else layout


def parquet_cells(recording: Recording, layout: Layout, batch_rows: int) -> Iterator[list[Sequence[str]]]:
    """Yield batches of rows as text cells, in the columns' order; unused columns are empty."""
    used = sorted(layout.places.values())
    done = 0
    with _table(recording) as table:
        names = table.schema_arrow.names
        for batch in table.iter_batches(batch_size=batch_rows, columns=[names[place] for place in used]):
            columns: list[Sequence[str]] = [[""] * batch.num_rows] * len(names)
            for place in used:
                columns[place] = _texts(batch.column(names[place]))
            done += batch.num_rows
            recording.position_bytes = recording.size_bytes * done // table.metadata.num_rows
            yield list(zip(*columns, strict=True))


@contextmanager
def _table(recording: Recording) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as exc:
        problem = f"{recording.source} is a Parquet file, which needs an extra: {install('parquet')}"
        raise ConfigError((problem,)) from exc
    with recording.opened() as (_, content):
        try:
            yield pq.ParquetFile(content)
        except (pa.ArrowException, OSError, EOFError) as exc:
            problem = f"the Parquet file is damaged or cut short ({str(exc)[:200]})."
            raise DataError(recording.source, 0, problem, "Copy or download it again.") from exc


def _texts(column: Any) -> list[str]:
    """Return the values as text that stands for exactly them: a float in its shortest form, '' for a null."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind):
        unit = _TIMESTAMP_NS[kind.unit]
        return ["" if value is None else str(value * unit) for value in column.cast(pa.int64()).to_pylist()]
    text: Callable[[Any], str] = repr if pa.types.is_floating(kind) else str
    return ["" if value is None else text(value) for value in column.to_pylist()]
