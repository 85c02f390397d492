"""Put the reports of several runs side by side, and find the first decision that differs; read no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import zip_longest

from attrs import frozen

from meva_core.ops.report import Cell, Column, Report, Table, Unit

# What a decision is: the event after which it was taken, its time, and its canonical text.
Decision = tuple[int, int, str]


@frozen
class Difference:
    """Hold the first decision in which a run differs from the first one; `None` where a run has no such decision."""

    name: str
    number: int
    ours: Decision | None
    theirs: Decision | None


@frozen
class Growth:
    """Hold how one run's account grew: times in ns UTC, and the return since the start as a fraction."""

    name: str
    times_ns: tuple[int, ...]
    returns: tuple[float, ...]


@frozen
class Comparison:
    """Hold several runs side by side; the first is what the others are compared with."""

    names: tuple[str, ...]
    figures: Table
    parameters: Table
    growth: tuple[Growth, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def compared(
    names: Sequence[str], reports: Sequence[Report], differences: Sequence[Difference]
) -> Comparison:
    """Return *reports* side by side under *names*; only parameters that differ somewhere are listed."""
    return Comparison(
        tuple(names),
        _figures(names, reports),
        _parameters(names, reports),
        tuple(_growth(name, report) for name, report in zip(names, reports, strict=True)),
        tuple(differences),
        tuple(_notes(reports)),
    )


def first_difference(name: str, ours: Iterable[Decision], theirs: Iterable[Decision]) -> Difference | None:
    """Return the first decision that is not the same in both, or `None` when they decide alike.

    Two decisions are the same when their texts are: the number of the event before them may differ.
    """
    for number, (mine, other) in enumerate(zip_longest(ours, theirs), start=1):
        if mine is None or other is None or mine[2] != other[2]:
            return Difference(name, number, mine, other)
    return None


def _figures(names: Sequence[str], reports: Sequence[Report]) -> Table:
    of_each = [report.figures() for report in reports]
    columns = (Column("figure", "Figure"), Column("unit", "Unit"), *(Column(name, name) for name in names))
    rows = tuple(
        (figure.label, figure.unit.value, *(figures[key].value for figures in of_each))
        for key, figure in of_each[0].items()
    )
    return Table("figures", "Figures", columns, rows, "No figure.")


def _parameters(names: Sequence[str], reports: Sequence[Report]) -> Table:
    of_each = [dict(report.origin.parameters) for report in reports]
    keys = list(dict.fromkeys(key for parameters in of_each for key in parameters))
    rows: list[tuple[Cell, ...]] = []
    for key in keys:
        values = [parameters.get(key) for parameters in of_each]
        if any(value != values[0] for value in values):
            rows.append((key, *values))
    columns = (Column("parameter", "Parameter"), *(Column(name, name, Unit.TEXT) for name in names))
    return Table("parameters", "Parameters that differ", columns, tuple(rows), "Every parameter is the same.")


def _growth(name: str, report: Report) -> Growth:
    equity = report.curve.equity
    start = equity[0] if equity else Decimal(0)
    returns = tuple(float(each - start) / float(start) if start > 0 else 0.0 for each in equity)
    return Growth(name, report.curve.times_ns, returns)


def _notes(reports: Sequence[Report]) -> Iterable[str]:
    first = reports[0].origin
    if any(report.origin.tape_hash != first.tape_hash for report in reports):
        yield "The runs saw different market data: their tapes differ."
    if any(report.origin.reporting_currency != first.reporting_currency for report in reports):
        yield "The runs count in different currencies."
    if any(report.origin.program_version != first.program_version for report in reports):
        yield "The runs were made by different program versions."
    if any(report.origin.seed != first.seed for report in reports):
        yield "The runs have different seeds."
