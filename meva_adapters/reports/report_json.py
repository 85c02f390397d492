"""Say a report as one JSON object for programs; calculate nothing.

Money and amounts are text in plain notation, exact; times are integers in ns UTC; what is not there is null. Of very
many orders and fills it holds the first; the Parquet files hold all.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import attrs
import orjson

from meva_core.model.money import plain
from meva_core.ops.report import REPORT_SCHEMA, Cell, Report, Table

# Beyond it a program is better served by the Parquet files.
ROWS_MAX: Final = 1_000
_LONG: Final = frozenset({"orders", "fills"})


def report_object(report: Report) -> dict[str, Any]:
    """Return *report* as plain values: figures by key, tables by key as columns of equal length."""
    curve = report.curve
    return {
        "schema": REPORT_SCHEMA,
        "title": report.title,
        "first_ns": report.first_ns,
        "last_ns": report.last_ns,
        "origin": {
            **attrs.asdict(report.origin),
            "parameters": dict(report.origin.parameters),
        },
        "warnings": report.warnings,
        "figures": {
            key: {
                "label": figure.label,
                "value": _cell(figure.value),
                "unit": figure.unit.value,
                "formula": figure.formula,
                "missing": figure.missing,
            }
            for key, figure in report.figures().items()
        },
        "curve": {
            "time_ns": curve.times_ns,
            "equity": _cells(curve.equity),
            "drawdown": _cells(curve.drawdown),
            "exposure": _cells(curve.exposure),
        },
        "prices": {
            line.symbol: {"time_ns": line.times_ns, "price": _cells(line.prices)} for line in report.prices
        },
        "months": [attrs.asdict(month) for month in report.months],
        "distributions": {
            each.key: {"title": each.title, "unit": each.unit.value, "bins": each.bins}
            for each in report.distributions
        },
        "waterfall": [
            {"label": step.label, "amount": _cell(step.amount), "is_total": step.is_total}
            for step in report.waterfall
        ],
        "tables": {table.key: table_object(table) for table in (*report.tables, report.orders, report.fills)},
        "verify": report.verify,
    }


def table_object(table: Table) -> dict[str, Any]:
    """Return *table* as columns by key, of orders and fills at most `ROWS_MAX` rows."""
    rows = table.rows[:ROWS_MAX] if table.key in _LONG else table.rows
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(table.columns)
    return {
        "title": table.title,
        "note": table.note,
        "left_out": table.left_out + len(table.rows) - len(rows),
        "units": {column.key: column.unit.value for column in table.columns},
        "columns": {column.key: _cells(cells) for column, cells in zip(table.columns, columns, strict=True)},
    }


def report_json(report: Report) -> bytes:
    """Return *report* as JSON."""
    return orjson.dumps(report_object(report))


def _cells(cells: Sequence[Cell]) -> Sequence[Any]:
    if not any(type(cell) is Decimal for cell in cells):
        return cells
    return [plain(cell) if type(cell) is Decimal else cell for cell in cells]


def _cell(cell: Cell) -> Any:
    return plain(cell) if isinstance(cell, Decimal) else cell
