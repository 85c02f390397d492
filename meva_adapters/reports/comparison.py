"""Show several runs side by side: at a terminal, as a page, as JSON; calculate nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TextIO

import orjson
from markupsafe import Markup
from rich.table import Table as RichTable
from rich.text import Text

from meva_adapters.reports.figure_text import NOTHING, cell_text, share_text, time_text
from meva_adapters.reports.html_report import environment, style
from meva_adapters.reports.report_json import table_object
from meva_adapters.reports.svg_charts import Series, line_chart
from meva_adapters.reports.terminal import console_for, printable
from meva_core.ops.comparison import Comparison, Decision, Difference
from meva_core.ops.report import Cell, Unit

# The classes of the style sheet that tell lines apart; beyond them they repeat.
LINES: Final = ("equity", "b", "c", "d", "e", "f")


def comparison_html(comparison: Comparison) -> str:
    """Return *comparison* as one page that needs no network and no script."""
    return (
        environment().get_template("comparison.html.j2").render(**comparison_parts(comparison), css=style())
    )


def comparison_parts(comparison: Comparison) -> dict[str, Any]:
    """Return what the templates of a comparison show."""
    return {
        "comparison": comparison,
        "chart": growth_chart(comparison),
        "lines": list(zip(comparison.names, _classes(len(comparison.names)), strict=True)),
        "figures": figure_rows(comparison),
        "differences": [difference_text(each) for each in comparison.differences],
        "alike": alike(comparison),
    }


def growth_chart(comparison: Comparison) -> Markup:
    """Return the growth of every run in one chart."""
    series = [
        Series(times_ns=growth.times_ns, values=growth.returns, name=name, label=growth.name)
        for growth, name in zip(comparison.growth, _classes(len(comparison.growth)), strict=True)
    ]
    return line_chart(series, title="Return since the start", shown=share_text, height=320, zero=True)


def figure_rows(comparison: Comparison) -> list[tuple[str, list[str], bool]]:
    """Return (label, text per run, whether they differ) of every figure."""
    rows = []
    for label, unit, *values in comparison.figures.rows:
        texts = [_text(value, Unit(str(unit))) for value in values]
        rows.append((str(label), texts, any(value != values[0] for value in values)))
    return rows


def difference_text(difference: Difference) -> dict[str, str]:
    """Return a difference in words."""
    return {
        "name": difference.name,
        "number": f"{difference.number:,}",
        "ours": _decision(difference.ours),
        "theirs": _decision(difference.theirs),
    }


def alike(comparison: Comparison) -> list[str]:
    """Return the names of the runs that decided as the first one did."""
    different = {difference.name for difference in comparison.differences}
    return [name for name in comparison.names[1:] if name not in different]


def print_comparison(comparison: Comparison, stream: TextIO) -> None:
    """Write *comparison* to *stream*."""
    console = console_for(stream)
    for note in comparison.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    shown = RichTable(box=None, pad_edge=False, header_style="bold")
    for number, name in enumerate(("", *comparison.names)):
        shown.add_column(Text(printable(name)), justify="right" if number else "left")
    for label, texts, _ in figure_rows(comparison):
        shown.add_row(label, *texts)
    for row in comparison.parameters.rows:
        shown.add_row(
            *(Text(printable(str(cell)) if cell is not None else NOTHING, style="cyan") for cell in row)
        )
    console.print(shown)
    for name in alike(comparison):
        console.print(Text(printable(f"{name} decides as {comparison.names[0]} does.")))
    for each in comparison.differences:
        text = difference_text(each)
        console.print(Text(printable(f"First difference of {text['name']}: decision {text['number']}")))
        console.print(Text(f"  {printable(comparison.names[0])}: {text['ours']}"))
        console.print(Text(f"  {printable(each.name)}: {text['theirs']}"))


def comparison_json(comparison: Comparison) -> bytes:
    """Return *comparison* as one JSON object."""
    return orjson.dumps(
        {
            "schema": 1,
            "names": comparison.names,
            "notes": comparison.notes,
            "figures": table_object(comparison.figures),
            "parameters": table_object(comparison.parameters),
            "growth": {
                growth.name: {"time_ns": growth.times_ns, "return": growth.returns}
                for growth in comparison.growth
            },
            "differences": [
                {"name": each.name, "number": each.number, "ours": each.ours, "theirs": each.theirs}
                for each in comparison.differences
            ],
        }
    )


def _classes(count: int) -> Sequence[str]:
    return [LINES[number % len(LINES)] for number in range(count)]


def _text(value: Cell, unit: Unit) -> str:
    return "n/a" if value is None else cell_text(value, unit)


def _decision(decision: Decision | None) -> str:
    if decision is None:
        return "no more decisions"
    sequence, time_ns, text = decision
    return printable(f"{time_text(time_ns)} UTC, event {sequence:,}: {text}")
