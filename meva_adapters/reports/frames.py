"""Give a table of a report as a data frame of whatever library is installed; nothing is copied where none needs it.

The table becomes Arrow columns once. Polars, narwhals and pandas (with Arrow types) read those in place.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from meva_adapters.reports.html_report import environment
from meva_adapters.reports.report_parquet import arrow_table
from meva_core.errors import ConfigError
from meva_core.ops.report import Table


class Frame:
    """Show one table, and hand it over as a data frame."""

    def __init__(self, table: Table) -> None:
        self.table = table

    @cached_property
    def arrow(self) -> Any:
        """The table as a pyarrow table: money as decimals, times as timestamps in ns UTC."""
        return arrow_table(self.table)

    def polars(self) -> Any:
        """Return a polars frame on the same memory."""
        return _required("polars").from_arrow(self.arrow)

    def pandas(self) -> Any:
        """Return a pandas frame on the same memory: its columns are of Arrow types, so decimals stay exact."""
        return self.arrow.to_pandas(types_mapper=_required("pandas").ArrowDtype)

    def narwhals(self) -> Any:
        """Return a narwhals frame, for code that does not care which library it runs on."""
        return _required("narwhals").from_native(self.arrow, eager_only=True)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries, with the values as they are."""
        keys = [column.key for column in self.table.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.table.rows]

    def __len__(self) -> int:
        return len(self.table.rows)

    def __repr__(self) -> str:
        keys = ", ".join(column.key for column in self.table.columns)
        return f"<{self.table.title}: {len(self):,} rows of {keys}>"

    def _repr_html_(self) -> str:
        page = environment().get_template("frame.html.j2")
        return page.render(table=self.table)


def _required(name: str) -> Any:
    """Return a library that is no dependency, or say how to get it."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as problem:
        text = f"This needs {name}. Install it with: pip install {name}"
        raise ConfigError((text,)) from problem
