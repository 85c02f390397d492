"""Turn the tables of a report into Arrow tables and Parquet files; calculate nothing.

Money and amounts are decimals with 18 digits behind the point (what is finer is rounded to that), times are timestamps
in ns UTC, lengths of time integers in ns. Needs the extra `parquet`.
"""

from __future__ import annotations

from array import array
from decimal import ROUND_HALF_EVEN, Context, Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from meva_core.errors import ConfigError, install
from meva_core.ops.report import Cell, Column, Report, Table, Unit

SCALE: Final = 18
_PRECISION: Final = 38
_DECIMAL_BYTES: Final = 16
_NUMBERS: Final = frozenset({Unit.SHARE, Unit.RATIO, Unit.BPS})
_ROUNDING: Final = Context(prec=2 * _PRECISION, rounding=ROUND_HALF_EVEN)


def arrow_table(table: Table) -> Any:
    """Return *table* as a pyarrow table, one column per column."""
    pyarrow = require_pyarrow()
    types = _types(pyarrow)
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    arrays = [
        _array(pyarrow, cells, column.unit, types[column.unit])
        for column, cells in zip(table.columns, columns, strict=True)
    ]
    return pyarrow.Table.from_arrays(arrays, names=[column.key for column in table.columns])


def curve_table(report: Report) -> Table:
    """Return the account's value over time as a table."""
    curve = report.curve
    columns = (
        Column("time_ns", "Time (UTC)", Unit.TIME_NS),
        Column("equity", "Equity", Unit.MONEY),
        Column("drawdown", "Drawdown", Unit.MONEY),
        Column("exposure", "Exposure", Unit.MONEY),
    )
    rows = tuple(zip(curve.times_ns, curve.equity, curve.drawdown, curve.exposure, strict=True))
    return Table("equity", "Equity", columns, rows, "No value.")


def write_parquet(report: Report, directory: Path) -> list[Path]:
    """Write every table that has rows as `<key>.parquet` in *directory*; return the files."""
    require_pyarrow()
    from pyarrow import parquet

    written = []
    for table in (curve_table(report), *report.tables, report.orders, report.fills):
        if table.rows:
            path = directory / f"{table.key}.parquet"
            parquet.write_table(arrow_table(table), path, compression="zstd")
            written.append(path)
    return written


def require_pyarrow() -> Any:
    """Return pyarrow, or raise `ConfigError` naming the extra that brings it."""
    try:
        import pyarrow as pa
    except ImportError as problem:
        text = f"Parquet and data frames need pyarrow: {install('parquet')}"
        raise ConfigError((text,)) from problem
    return pa


def _types(pyarrow: Any) -> dict[Unit, Any]:
    money, number = pyarrow.decimal128(_PRECISION, SCALE), pyarrow.float64()
    return {
        Unit.TEXT: pyarrow.string(),
        Unit.COUNT: pyarrow.int64(),
        Unit.MONEY: money,
        Unit.AMOUNT: money,
        Unit.SHARE: number,
        Unit.RATIO: number,
        Unit.BPS: number,
        Unit.TIME_NS: pyarrow.timestamp("ns", tz="UTC"),
        Unit.SPAN_NS: pyarrow.int64(),
        Unit.YES_NO: pyarrow.bool_(),
    }


def _array(pyarrow: Any, cells: tuple[Cell, ...], unit: Unit, kind: Any) -> Any:
    """Return *cells* as an array, from buffers of our own: what reads Python lists takes pandas along."""
    known = [cell is not None for cell in cells]
    validity = None if all(known) else pyarrow.py_buffer(_bits(known))
    if unit is Unit.TEXT:
        buffers = _texts([b"" if cell is None else str(cell).encode() for cell in cells])
    elif unit is Unit.YES_NO:
        buffers = [_bits([bool(cell) for cell in cells])]
    elif unit in {Unit.MONEY, Unit.AMOUNT}:
        return _decimals(pyarrow, cells, validity, kind)
    else:
        code = "d" if unit in _NUMBERS else "q"
        buffers = [array(code, [0 if cell is None else cell for cell in cells])]
    data = [pyarrow.py_buffer(buffer) for buffer in buffers]
    return pyarrow.Array.from_buffers(kind, len(cells), [validity, *data])


def _texts(texts: list[bytes]) -> list[Any]:
    """Return the buffers of a column of text: where each ends, and all of them in a row."""
    return [array("i", accumulate(map(len, texts), initial=0)), b"".join(texts)]


def _decimals(pyarrow: Any, cells: tuple[Cell, ...], validity: Any, kind: Any) -> Any:
    """Return amounts as an array. Arrow reads their text fastest, but refuses what is finer than the scale."""
    texts = [b"0" if cell is None else str(cell).encode() for cell in cells]
    buffers = [validity, *(pyarrow.py_buffer(buffer) for buffer in _texts(texts))]
    try:
        return pyarrow.Array.from_buffers(pyarrow.string(), len(cells), buffers).cast(kind)
    except pyarrow.ArrowInvalid:
        units = pyarrow.py_buffer(b"".join(map(_decimal_bytes, cells)))
        return pyarrow.Array.from_buffers(kind, len(cells), [validity, units])


def _bits(flags: list[bool]) -> bytes:
    """Return one bit per flag, the first in the lowest place (Arrow columnar format, validity bitmaps)."""
    digits = "".join("1" if flag else "0" for flag in reversed(flags))
    return int(digits or "0", 2).to_bytes((len(flags) + 7) // 8, "little")


def _decimal_bytes(cell: Cell) -> bytes:
    """Return an amount as Arrow's 128-bit integer of its smallest units; what is finer is rounded half to even."""
    if cell is None:
        return bytes(_DECIMAL_BYTES)
    amount = cell if isinstance(cell, Decimal) else Decimal(str(cell))
    units = _ROUNDING.to_integral_value(amount.scaleb(SCALE, _ROUNDING))
    return int(units).to_bytes(_DECIMAL_BYTES, "little", signed=True)
