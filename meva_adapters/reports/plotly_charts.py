"""Draw interactive charts of a report with plotly, for notebooks; calculate nothing. Needs the extra `notebook`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from meva_core.errors import ConfigError, install
from meva_core.ops.comparison import Growth
from meva_core.ops.report import Report

_ACCENT: Final = "#2459d6"
_FALL: Final = "#c8364a"


def equity_figure(report: Report) -> Any:
    """Return equity above the fall below its peak, on one axis of time."""
    graph, subplots = _plotly()
    curve = report.curve
    figure = subplots.make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28])
    times = _times(curve.times_ns)
    equity = [float(each) for each in curve.equity]
    falls = [-float(each) for each in curve.drawdown]
    figure.add_trace(graph.Scatter(x=times, y=equity, name="Equity", line={"color": _ACCENT}), row=1, col=1)
    figure.add_trace(
        graph.Scatter(x=times, y=falls, name="Fall below the peak", fill="tozeroy", line={"color": _FALL}),
        row=2,
        col=1,
    )
    figure.update_layout(title=f"{report.title}, {report.origin.reporting_currency}", **_LAYOUT)
    return figure


def price_figure(report: Report, symbol: str) -> Any:
    """Return the price of *symbol* with every fill; raise `KeyError` for a symbol that was not seen."""
    graph, _ = _plotly()
    line = {each.symbol: each for each in report.prices}[symbol]
    figure = graph.Figure()
    prices = [float(each) for each in line.prices]
    figure.add_trace(graph.Scatter(x=_times(line.times_ns), y=prices, name=symbol, line={"color": "#5b6675"}))
    keys = [column.key for column in report.fills.columns]
    fills = [dict(zip(keys, row, strict=True)) for row in report.fills.rows]
    for side, color, mark in (("buy", "#0f8a5f", "triangle-up"), ("sell", _FALL, "triangle-down")):
        mine = [fill for fill in fills if fill["symbol"] == symbol and fill["side"] == side]
        figure.add_trace(
            graph.Scatter(
                x=_times([int(str(fill["time_ns"])) for fill in mine]),
                y=[float(str(fill["price"])) for fill in mine],
                text=[str(fill["client_order_id"]) for fill in mine],
                mode="markers",
                name=side,
                marker={"color": color, "symbol": mark, "size": 9},
            )
        )
    figure.update_layout(title=f"{symbol} and fills", **_LAYOUT)
    return figure


def growth_figure(growths: Sequence[Growth]) -> Any:
    """Return the returns of several runs since their start in one chart."""
    graph, _ = _plotly()
    figure = graph.Figure()
    for growth in growths:
        figure.add_trace(graph.Scatter(x=_times(growth.times_ns), y=growth.returns, name=growth.name))
    figure.update_layout(title="Return since the start", yaxis_tickformat=".2%", **_LAYOUT)
    return figure


_LAYOUT: Final = {
    "template": "plotly_white",
    "hovermode": "x unified",
    "margin": {"l": 60, "r": 20, "t": 50, "b": 40},
}


def _times(times_ns: Sequence[int]) -> list[str]:
    """Return times as plotly reads them: ISO 8601, to the microsecond."""
    from datetime import UTC, datetime, timedelta

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        (epoch + timedelta(microseconds=each // 1_000)).replace(tzinfo=None).isoformat() for each in times_ns
    ]


def _plotly() -> tuple[Any, Any]:
    try:
        from plotly import graph_objects, subplots
    except ImportError as problem:
        text = f"Interactive charts need plotly: {install('notebook')}"
        raise ConfigError((text,)) from problem
    return graph_objects, subplots
