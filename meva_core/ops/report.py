"""Say what a report of a session holds, as plain values; calculate nothing and draw nothing.

Every output (page, JSON, Parquet, notebook) shows these values and no others, so none can disagree with another.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from attrs import frozen

# The outputs carry it. A field may be added under the same number; none is renamed or removed.
REPORT_SCHEMA = 1

Cell = str | int | float | Decimal | bool | None


class Unit(StrEnum):
    """Name what a number counts, so that every output writes it alike."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"  # In the reporting currency.
    AMOUNT = "amount"  # In the asset or the quote that the row names.
    SHARE = "share"  # A fraction of one, shown as per cent.
    RATIO = "ratio"
    BPS = "bps"
    TIME_NS = "time_ns"  # Nanoseconds UTC.
    SPAN_NS = "span_ns"
    YES_NO = "yes_no"


@frozen
class Figure:
    """Hold one number, or the reason why there is none, with its unit and the formula behind it."""

    key: str
    label: str
    value: Cell
    unit: Unit
    formula: str = ""
    missing: str = ""


@frozen
class Column:
    """Name one column of a table and its unit."""

    key: str
    label: str
    unit: Unit = Unit.TEXT


@frozen
class Table:
    """Hold rows of cells in the order of *columns*; *empty* is what is said when there is none.

    *left_out* counts the rows that were too many to show; *note* says how to read the table.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str
    note: str = ""
    left_out: int = 0

    def column(self, key: str) -> list[Cell]:
        """Return the cells of one column; raise `KeyError` for one that is not there."""
        for place, column in enumerate(self.columns):
            if column.key == key:
                return [row[place] for row in self.rows]
        raise KeyError(key)


@frozen
class Curve:
    """Hold the account's value over time: columns of equal length, in time order.

    *drawdown* is the fall below the highest equity so far; all money is in the reporting currency.
    """

    times_ns: tuple[int, ...] = ()
    equity: tuple[Decimal, ...] = ()
    drawdown: tuple[Decimal, ...] = ()
    exposure: tuple[Decimal, ...] = ()


@frozen
class Distribution:
    """Hold counts of values in bins of equal width: (from, to, count); *unit* is that of the edges."""

    key: str
    title: str
    unit: Unit
    bins: tuple[tuple[float, float, int], ...]
    empty: str


@frozen
class PriceLine:
    """Hold the marks of one symbol over time, in its quote asset."""

    symbol: str
    times_ns: tuple[int, ...]
    prices: tuple[Decimal, ...]


@frozen
class Month:
    """Hold the compound return of one month; *value* is `None` before and after the session."""

    year: int
    month: int
    value: float | None


@frozen
class Step:
    """Hold one step of the waterfall: *amount* leads from the sum before to the sum after."""

    label: str
    amount: Decimal
    is_total: bool = False


@frozen(kw_only=True)
class Origin:
    """Say which session a report is about, and what proves it."""

    source: str
    session_id: str
    mode: str
    account: str
    program_version: str
    config_hash: str
    tape_hash: str
    seed: int
    started_ns: int
    reporting_currency: str
    day_zone: str
    decision_hash: str
    state_hash: str
    decisions: int
    ended: bool
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Report:
    """Hold everything that a report of a session, a day or a week shows.

    *title* names the period; *first_ns* and *last_ns* are the times of the first and last event in it. *warnings*
    come first in every output. *verify* are commands a reader can repeat.
    """

    title: str
    first_ns: int
    last_ns: int
    origin: Origin
    warnings: tuple[str, ...]
    headline: tuple[Figure, ...]
    groups: tuple[tuple[str, tuple[Figure, ...]], ...]
    curve: Curve
    prices: tuple[PriceLine, ...]
    months: tuple[Month, ...]
    distributions: tuple[Distribution, ...]
    waterfall: tuple[Step, ...]
    tables: tuple[Table, ...]
    orders: Table
    fills: Table
    verify: tuple[str, ...]

    def table(self, key: str) -> Table:
        """Return one table by its key; raise `KeyError` for one that is not there."""
        for table in (*self.tables, self.orders, self.fills):
            if table.key == key:
                return table
        raise KeyError(key)

    def figures(self) -> dict[str, Figure]:
        """Return every figure by its key."""
        return {figure.key: figure for _, group in (("", self.headline), *self.groups) for figure in group}
