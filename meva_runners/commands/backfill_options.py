"""Define the options of the backfill; fetch nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from meva_runners.commands.duration import Duration
from meva_runners.commands.option_group import with_options

EXAMPLES: Final = """
\b
Examples:
  meva backfill BTC/USDT --start 2026-01-01 --end 2026-02-01            one-minute bars as CSV
  meva backfill BTC/USDT ETH/USDT --timeframe 1h --start 2024-01-01     until last midnight
  meva backfill BTC/USDT --kind agg_trades --start 2026-01-01 --format parquet
  meva backfill BTC/USDT --start 2026-01-01 --url https://data-api.binance.vision
  meva backfill BTC/USDT --start 2026-01-01 --url http://127.0.0.1:8080  from a simulated venue
  meva backfill BTC/USD --like kraken --kind trades --start 2026-01-01   Kraken: every trade, or the last 720 bars

\b
The same command again continues where it was interrupted. What it wrote is replayed by its name:
  meva replay btcusdt_klines_1m_20260101_20260201.csv
"""
TIMEFRAMES: Final = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d")


@frozen(kw_only=True)
class BackfillOptions:
    """Hold what the command line asked for."""

    symbols: tuple[str, ...]
    kind: str
    timeframe: str
    start: str
    end: str | None
    out: Path
    format: str
    like: str | None
    url: str | None
    page: int
    weight_per_minute: int | None
    patience: float
    json: bool
    debug: bool


def backfill_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a click command; it gets them as one `BackfillOptions`."""
    return with_options(command, _OPTIONS, BackfillOptions)


_OPTIONS: Final = (
    click.argument("symbols", nargs=-1, required=True, metavar="SYMBOL..."),
    click.option(
        "--kind", type=click.Choice(("klines", "agg_trades", "trades")), default="klines", show_default=True,
        help="Bars, trades by taker order and price, or every single trade (the most requests).",
    ),
    click.option(
        "--timeframe", type=click.Choice(TIMEFRAMES), default="1m", show_default=True, help="The length of bars."
    ),
    click.option("--start", required=True, metavar="TIME", help="The first moment, such as 2026-01-01; UTC."),
    click.option(
        "--end", default=None, metavar="TIME", help="The moment before which to end.  [default: last midnight, UTC]"
    ),
    click.option(
        "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="DIR",
        help="Where the files go.  [default: here]",
    ),
    click.option("--format", type=click.Choice(("csv", "parquet")), default="csv", show_default=True),
    click.option(
        "--like", type=click.Choice(("binance", "kraken")),
        help="The exchange whose protocol is spoken.  [default: what the address says, or binance]",
    ),
    click.option(
        "--url", envvar="MEVA__EXCHANGE__REST_URL",
        help="The venue's REST address; MEVA__EXCHANGE__REST_URL gives it too.  [default: the exchange's own]",
    ),
    click.option(
        "--page", type=click.IntRange(1, 1_000), default=1_000, show_default=True, help="Rows per request."
    ),
    click.option(
        "--weight-per-minute", type=click.IntRange(10, 6_000),
        help="Request weight to use, which leaves room for an agent at the same address.  [default: 3000, the half "
        "of Binance's limit; at Kraken 60 questions]",
    ),
    click.option(
        "--patience", type=Duration(), default="15s", show_default=True, metavar="15s",
        help="How long to try an address at which no connection comes about.",
    ),
    click.option("--json", is_flag=True, help="Print one JSON object in place of sentences."),
    click.option("--debug", is_flag=True, help="Show where an error was raised."),
)  # fmt: skip
