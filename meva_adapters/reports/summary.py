"""Lay out the result of a replay for a person at a terminal; calculate nothing that decides.

Figures are rounded for reading; the exact ones are in the JSON result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TextIO

from attrs import frozen
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from meva_adapters.reports.terminal import console_for, printable
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.reporting import ReplayResult, RunSummary, days_between
from meva_core.ops.statistics import Statistic

# Two sections of names and figures stand side by side from here on.
_WIDE: Final = 92
# More reasons than fit a screen say no more than the most frequent ones.
_REASONS_SHOWN: Final = 8
_GATE_CLOSED: Final = "gate_closed"
# Refusals that a smaller order avoids; they are named as the limit is configured.
_SIZE_LIMITS: Final = frozenset(
    {"max_notional_per_trade", "max_position_notional_per_symbol", "max_portfolio_exposure"}
)
_SMALL_SHARE: Final = 0.001
_BARS: Final = "▁▂▃▄▅▆▇█"

Rows = list[tuple[str, str]]


@frozen
class _Summary:
    """Arrange the sections by the width there is."""

    result: ReplayResult

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        result = self.result
        yield Text(_title(result), style="bold")
        for warning in result.warnings:
            yield Text(f"warning: {printable(warning)}", style="yellow")
        yield Text()
        left, right = _performance(result), _trading(result)
        if options.max_width >= _WIDE:
            yield _side_by_side(_section("Performance", left), _section("Trading", right))
        else:
            yield from (_section("Performance", left), Text(), _section("Trading", right))
        if len(result.summary.equity_curve) > 1 and not options.ascii_only:
            yield Text()
            yield Text(f"Equity  {_sparkline(result.summary, options.max_width - 9)}", no_wrap=True)
        refusals = _refusals(result.summary)
        if refusals:
            yield from (Text(), _section("Refused", refusals))
            yield from (Text(line, style="yellow") for line in _remedy(result.summary))
        yield from (Text(), _section("Run", _run(result)))
        yield from (Text(), _section("Reproducible", _hashes(result)))


def render_summary(result: ReplayResult) -> RenderableType:
    """Return a renderable that adapts to the console's width."""
    return _Summary(result)


def print_summary(result: ReplayResult, stream: TextIO) -> None:
    """Write the summary to *stream*: coloured on a terminal, plain elsewhere."""
    console_for(stream).print(render_summary(result))


def _title(result: ReplayResult) -> str:
    strategies = ", ".join(result.strategies) or "no strategy"
    what = " ".join(part for part in (result.source, ", ".join(result.symbols)) if part)
    return printable(f"{result.mode.upper()}  {what}   {strategies}   seed {result.seed}")


def _performance(result: ReplayResult) -> Rows:
    summary = result.summary
    currency = summary.reporting_currency
    share = _percent(-summary.max_drawdown_share, sign="")
    fall = f"{_money(summary.max_drawdown)} {currency} ({share})"
    return [
        ("Period (UTC)", _period(summary)),
        ("Return", _percent_of(summary.total_return)),
        ("Equity", f"{_money(summary.start_equity)} to {_money(summary.final_equity)} {currency}"),
        ("Realized before fees", f"{_money(result.realized_pnl)} {currency}"),
        ("Unrealized", f"{_money(result.unrealized_pnl)} {currency}"),
        ("Max drawdown", fall),
        ("Sharpe (365 d)", str(summary.sharpe)),
        ("Sortino (365 d)", str(summary.sortino)),
        ("Volatility (365 d)", _percent_of(summary.volatility, sign="")),
    ]


def _trading(result: ReplayResult) -> Rows:
    summary = result.summary
    currency = summary.reporting_currency
    slippage = summary.mean_slippage_bps
    return [
        ("Orders", f"{summary.orders:,}"),
        ("Fills", f"{summary.fills:,}"),
        ("Trades (closing fills)", f"{summary.closing_fills:,}"),
        ("Win rate after fees", _percent_of(summary.win_rate, sign="")),
        ("Profit factor", str(summary.profit_factor)),
        ("Fees", f"{_money(result.fees)} {currency}"),
        ("Turnover", f"{_money(summary.turnover)} {currency}"),
        ("Mean exposure", _percent_of(summary.mean_exposure, sign="")),
        ("Mean slippage", str(slippage) if slippage.value is None else f"{slippage} bps"),
    ]


def _refusals(summary: RunSummary) -> Rows:
    rows = [
        *_reasons(f"Signals, of {summary.signals:,}", summary.signals_rejected),
        *_reasons(f"Intents, of {summary.intents:,}", summary.risk_rejected),
    ]
    if summary.data_rejected:
        rows.append(("Market data", f"{summary.data_rejected:,} problems"))
    return rows


def _remedy(summary: RunSummary) -> Iterator[str]:
    """Yield what to do where every order would have been too large, as a first try with the shipped limits is."""
    limits = [code for code in summary.risk_rejected if code in _SIZE_LIMITS]
    if limits and _GATE_CLOSED not in summary.risk_rejected and summary.intents and not summary.orders:
        yield "Every order was larger than the limits allow, so nothing was traded. Ask for less with a smaller"
        yield f"strategy.quantity (0.01, say), or raise the limit: --set risk.{limits[0]}=..."


def _reasons(heading: str, counts: Mapping[str, int]) -> Rows:
    if not counts:
        return []
    shown = [f"{printable(reason)} {count:,}" for reason, count in list(counts.items())[:_REASONS_SHOWN]]
    more = len(counts) - len(shown)
    return [(heading, ", ".join([*shown, f"{more} more reasons"] if more else shown))]


def _run(result: ReplayResult) -> Rows:
    speed = f"{result.events:,} in {result.run_seconds:.2f} s ({result.events_per_second:,.0f} events/s)"
    return [
        ("Events", f"{speed}, loaded in {result.load_seconds:.2f} s"),
        ("Alerts", f"{result.summary.alerts:,}, gate changes {result.summary.gate_changes:,}"),
    ]


def _hashes(result: ReplayResult) -> Rows:
    rows = [
        ("Decisions", result.decision_hash),
        ("State", result.state_hash),
        ("Configuration", result.config_hash),
    ]
    return [*rows, ("Tape", result.tape_hash)] if result.tape_hash else rows


def _section(heading: str, rows: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, title=heading, title_justify="left")
    table.title_style = "bold cyan"
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, figure in rows:
        table.add_row(Text(name), Text(figure))
    return table


def _side_by_side(left: Table, right: Table) -> Table:
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_row(left, right)
    return grid


def _sparkline(summary: RunSummary, width: int) -> str:
    """Return the equity curve as one line of bars, lowest to highest."""
    curve = [float(equity) for _, equity in summary.equity_curve]
    columns = max(1, min(width, len(curve)))
    points = [curve[index * (len(curve) - 1) // max(1, columns - 1)] for index in range(columns)]
    low, high = min(points), max(points)
    span = high - low or 1.0
    return "".join(_BARS[round((point - low) / span * (len(_BARS) - 1))] for point in points)


def _period(summary: RunSummary) -> str:
    first, last = _moment(summary.first_ns), _moment(summary.last_ns)
    day, _, hour = last.partition(" ")
    return f"{first} to {hour if first.startswith(day) else last} ({_length(summary)})"


def _length(summary: RunSummary) -> str:
    """Return how long the run was, in the largest unit of which it has one."""
    days = days_between(summary.first_ns, summary.last_ns)
    for unit, in_a_day in (("days", 1), ("hours", 24), ("minutes", 1_440)):
        if days * in_a_day >= 1:
            return f"{days * in_a_day:,.1f} {unit}"
    return f"{days * 86_400:,.0f} seconds"


def _moment(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC):%Y-%m-%d %H:%M}"


def _percent(share: float, *, sign: str = "+") -> str:
    """Return *share* in per cent with two digits, and with four below a tenth, where two would say nothing."""
    places = 4 if 0 < abs(share) < _SMALL_SHARE else 2
    return f"{100 * share:{sign}z,.{places}f} %"


def _percent_of(share: Statistic, *, sign: str = "+") -> str:
    return str(share) if share.value is None else _percent(share.value, sign=sign)


def _money(amount: Decimal) -> str:
    """Return *amount* for reading: cents, and below one as many digits as an asset has."""
    if abs(amount) >= 1:
        return f"{amount:,.2f}"
    whole, _, digits = f"{amount:.8f}".partition(".")
    return f"{whole}.{digits.rstrip('0'):0<2}"
