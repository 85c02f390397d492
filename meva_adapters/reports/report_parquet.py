"""Turn the tables of a report into Arrow tables and Parquet files; calculate nothing.

Money and amounts are decimals with 18 digits behind the point (what is finer is rounded to that), times are timestamps
in ns UTC, lengths of time integers in ns. Needs the extra `parquet`.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any, Final

from meva_core.errors import ConfigError
from meva_core.ops.report import Cell, Column, Report, Table, Unit

SCALE: Final = 18
_PRECISION: Final = 38
_STEP: Final = Decimal(1).scaleb(-SCALE)
_ROUNDING: Final = Context(prec=2 * _PRECISION, rounding=ROUND_HALF_EVEN)


def arrow_table(table: Table) -> Any:
    """Return *table* as a pyarrow table, one column per column."""
    pyarrow = require_pyarrow()
    types = _types(pyarrow)
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    arrays = [
        _array(pyarrow, cells, types[column.unit])
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
        text = "Parquet and data frames need pyarrow. Install it with: pip install 'meva[parquet]'"
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


def _array(pyarrow: Any, cells: tuple[Cell, ...], kind: Any) -> Any:
    try:
        return pyarrow.array(cells, type=kind)
    except pyarrow.ArrowInvalid:  # Some amount is finer than the scale, or none is a decimal.
        amounts = [None if cell is None else _rounded(Decimal(str(cell))) for cell in cells]
        return pyarrow.array(amounts, type=kind)


def _rounded(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    fine = isinstance(exponent, int) and exponent < -SCALE
    return amount.quantize(_STEP, context=_ROUNDING) if fine else amount
