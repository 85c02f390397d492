"""Lay out a report as one HTML file that needs no network and no script; calculate nothing.

Everything that a strategy, a venue or an operator wrote is escaped: the page shows it and never runs it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from meva_adapters.reports.figure_text import cell_text, figure_text, money_text, share_text, time_text
from meva_adapters.reports.svg_charts import Marker, Series, bar_chart, line_chart, waterfall_chart
from meva_adapters.reports.terminal import printable
from meva_core.ops.report import Distribution, PriceLine, Report, Unit
from meva_core.ops.statistics import compounded

PAGES: Final = Path(__file__).with_name("pages")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Longer texts are wrapped, so that a table keeps to its page.
_WIDE: Final = 40
# The width of a drawing that stands beside another.
HALF: Final = 540
# A chart with more dots than this is a cloud; the table holds every fill.
MARKERS_MAX: Final = 300
_SECTIONS: Final = (
    ("Days, strategies and symbols", ("days", "by_strategy", "by_symbol")),
    ("Trades", ("best", "worst", "fills")),
    ("Orders", ("statuses", "latency", "orders")),
    ("Risk", ("limits", "refusals", "rejects", "invalid", "gate")),
    ("Alerts and control actions", ("alerts", "controls")),
    ("Treasury", ("treasury", "cost_categories", "costs", "transfer_steps", "transfers")),
    ("Books and venue", ("comparisons", "differences")),
    ("Data quality", ("data", "problems", "connections", "events")),
)
# Rules of the style sheet for a page as a whole, which a notebook has its own of.
_OF_PAGES: Final = ("*", "html", "main", "header", "footer", "@media (max-width")
# A rule begins a line, or follows another on it.
_RULE: Final = re.compile(r"(^|\} )([^{}]+?) \{")
# Every alert and every request is shown: people answer for them. Some 250 bytes each.
_ROWS: Final = {
    "fills": 200,
    "orders": 200,
    "days": 400,
    "treasury": 400,
    "alerts": 4_000,
    "controls": 4_000,
}
NUMERIC: Final = frozenset(
    unit.value
    for unit in (Unit.COUNT, Unit.MONEY, Unit.AMOUNT, Unit.SHARE, Unit.RATIO, Unit.BPS, Unit.SPAN_NS)
)
_COLOURED: Final = frozenset({"return", "net", "max_drawdown_share", "sharpe", "sortino", "calmar"})


def html_report(report: Report) -> str:
    """Return *report* as one page."""
    page = environment().get_template("report.html.j2")
    return page.render(
        report=report,
        figures=report.figures(),
        charts=_charts(report),
        months=_months(report),
        month_names=MONTHS,
        sections=_SECTIONS,
        limits=_ROWS,
        coloured=_COLOURED,
        css=style(),
        none_text=lambda text: Markup('<p class="none">{}</p>').format(text),
    )


@cache
def environment() -> Environment:
    """Return the templates; every value that they show is escaped."""
    templates = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(
        notebook_css=notebook_style, numeric=NUMERIC, signed=frozenset({Unit.MONEY.value, Unit.SHARE.value})
    )
    templates.tests["wide"] = lambda value: isinstance(value, str) and len(value) > _WIDE
    templates.filters["plainly"] = printable
    templates.filters["cell"] = lambda value, unit: cell_text(value, Unit(unit))
    templates.filters["figure"] = figure_text
    return templates


@cache
def style() -> Markup:
    """Return the style sheet of every page."""
    return Markup((PAGES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file.


@cache
def notebook_style() -> Markup:
    """Return the style of a piece of a notebook: no rule reaches beyond an element of the class `meva`."""
    lines: list[str] = []
    for line in str(style()).splitlines():
        if line.startswith("@media print"):
            break
        if line.startswith(_OF_PAGES):
            continue
        if line.startswith(("body", ":root", "  :root", "  ", "}", "@")):
            lines.append(line.replace("body {", ".meva {").replace(":root", ".meva"))
        else:
            lines.append(_RULE.sub(lambda rule: rule[1] + _inside(rule[2]) + " {", line))
    return Markup("\n".join(lines))  # noqa: S704 - our own file.


def _inside(selectors: str) -> str:
    return ", ".join(f".meva {each.strip()}" for each in selectors.split(","))


def equity_chart(report: Report) -> Markup:
    """Return the equity over time."""
    curve = report.curve
    equity = Series(times_ns=curve.times_ns, values=[float(each) for each in curve.equity], name="equity")
    title = f"Equity in {report.origin.reporting_currency}"
    return line_chart([equity], title=title, shown=_brief, height=280, area=True)


def _charts(report: Report) -> dict[str, Any]:
    curve = report.curve
    times = curve.times_ns
    falls = [
        -float(fall) / float(equity + fall) if equity + fall > 0 else 0.0
        for equity, fall in zip(curve.equity, curve.drawdown, strict=True)
    ]
    exposures = [
        float(exposure) / float(equity) if equity > 0 else 0.0
        for exposure, equity in zip(curve.exposure, curve.equity, strict=True)
    ]
    return {
        "equity": equity_chart(report),
        "drawdown": line_chart(
            [Series(times_ns=times, values=falls, name="drawdown")],
            title="Fall below the peak", shown=share_text, height=130, zero=True, area=True,
        ),
        "exposure": line_chart(
            [Series(times_ns=times, values=exposures, name="exposure")],
            title="Exposure over equity", shown=share_text, width=HALF, height=170, zero=True, area=True,
        ),
        "limit_use": _limit_use(report),
        "waterfall": waterfall_chart(
            [(step.label, float(step.amount), step.is_total) for step in report.waterfall],
            title="From trading to what is left", shown=_brief, width=HALF + 60, height=300,
        ),
        "distributions": [_distribution(each) for each in report.distributions],
        "prices": [_price(report, line) for line in report.prices if len(line.times_ns) > 1],
    }  # fmt: skip


def _limit_use(report: Report) -> Markup:
    """Return the use of every limit over time, as shares."""
    table = report.table("limit_use")
    times, *uses = zip(*table.rows, strict=True) if table.rows else ((), ())
    series = [
        Series(times_ns=times, values=use, name=name, label=column.label)
        for name, column, use in zip("abcd", table.columns[1:], uses, strict=False)
    ]
    return line_chart(series, title=table.title, shown=share_text, height=170, zero=True)


def _distribution(distribution: Distribution) -> dict[str, Any]:
    shown = share_text if distribution.unit is Unit.SHARE else money_text
    return {
        "title": distribution.title,
        "drawing": bar_chart(distribution.bins, title=distribution.title, shown=shown, width=HALF),
        "empty": distribution.empty,
    }


def _price(report: Report, line: PriceLine) -> dict[str, Any]:
    fills = report.fills
    place = {column.key: number for number, column in enumerate(fills.columns)}
    mine = [row for row in fills.rows if row[place["symbol"]] == line.symbol]
    step = max(1, -(-len(mine) // MARKERS_MAX))
    markers = [
        Marker(
            time_ns=int(str(row[place["time_ns"]])),
            value=float(str(row[place["price"]])),
            name=str(row[place["side"]]),
            title=f"{time_text(int(str(row[place['time_ns']])))} UTC  {row[place['side']]} {row[place['quantity']]}"
            f" at {row[place['price']]}, order {row[place['client_order_id']]}",
        )
        for row in mine[::step]
        if line.times_ns[0] <= int(str(row[place["time_ns"]])) <= line.times_ns[-1]
    ]
    prices = Series(times_ns=line.times_ns, values=[float(each) for each in line.prices], name="price")
    return {
        "title": f"{line.symbol} and fills",
        "drawing": line_chart([prices], title=f"Price of {line.symbol}", shown=_brief, markers=markers),
        "note": f"every {step}th of {len(mine):,} fills is marked" if step > 1 else "",
    }


def _months(report: Report) -> list[dict[str, Any]]:
    years: dict[int, list[float | None]] = {}
    for month in report.months:
        years.setdefault(month.year, []).append(month.value)
    largest = max((abs(value) for values in years.values() for value in values if value), default=1.0)
    return [
        {
            "name": year,
            "months": [{"text": _month_text(value), "style": _heat(value, largest)} for value in values],
            "total": _month_text(compounded([value for value in values if value is not None])),
        }
        for year, values in years.items()
    ]


def _month_text(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}".replace("-0.0", "0.0").replace("-", "\N{MINUS SIGN}")


def _heat(value: float | None, largest: float) -> str:
    """Return the colour of a cell: the stronger, the larger the return."""
    if not value:
        return ""
    strength = round(8 + 47 * min(1.0, abs(value) / largest))
    return f"background:color-mix(in srgb, var(--{'gain' if value > 0 else 'loss'}) {strength}%, transparent)"


def _brief(value: float) -> str:
    """Return an amount short enough for an axis."""
    for bound, letter in ((1e9, "bn"), (1e6, "M")):
        if abs(value) >= bound * 10:
            return f"{value / bound:,.2f} {letter}"
    if abs(value) >= 100_000:  # noqa: PLR2004 - cents of much are noise.
        return cell_text(round(value), Unit.COUNT)
    return money_text(value).removesuffix(".00")
