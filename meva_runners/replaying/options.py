"""Define the options of a replay, and what they mean for settings and tapes; replay nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from meva_runners.commands.option_group import with_options

# Shorthand for the parameters of the strategy that is named first.

EXAMPLES: Final = """
\b
Examples:
  meva replay                                     the bundled recording
  meva replay BTC/USDT=trades.csv.gz              your own recording
  meva replay BTC/USDT=btc.csv ETH/USDT=eth.csv   two symbols, merged by time
  meva replay --strategy sma_cross --set strategy.fast=20 --set strategy.quantity=0.01
  meva replay --strategy mine:AboveAverage --check
  meva replay --session run.db && meva replay run.db --verify
  meva replay --json > result.json
"""


@frozen(kw_only=True)
class ReplayOptions:
    """Hold what the command line asked for, as it was written."""

    tapes: tuple[str, ...] = ()
    env: str = "dev"
    config: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    seed: int | None = None
    sort: bool = False
    timeframe: str | None = None
    round_volume: bool = False
    json: bool = False
    report: Path | None = None
    session: Path | None = None
    verify: bool = False
    check: bool = False
    log_level: str | None = None
    debug: bool = False

    def settings_overrides(self) -> list[str]:
        """Return every override of the settings, in the order in which they apply."""
        return settings_overrides(self.strategies, self.seed, self.overrides)


def settings_overrides(strategies: Sequence[str], seed: int | None, overrides: Sequence[str]) -> list[str]:
    """Return what `--strategy`, `--seed` and `--set` mean for the settings, in the order in which it applies."""
    chosen = [f"strategies=[{', '.join(f'{{name: {name!r}}}' for name in strategies)}]"] if strategies else []
    seeded = [] if seed is None else [f"seed={seed}"]
    return [*chosen, *seeded, *overrides]


def replay_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a replay to a click command; it gets them as one `ReplayOptions`."""
    return with_options(command, _OPTIONS, ReplayOptions)


_PATH: Final = click.Path(path_type=Path)
_OPTIONS: Final = (
    click.argument("tapes", metavar="[[SYMBOL=]TAPE]...", nargs=-1),
    click.option("--env", default="dev", show_default=True, help="Settings to start from: dev, stage or prod."),
    click.option(
        "-c", "--config", type=_PATH, multiple=True, metavar="FILE", help="Further settings; the last counts."
    ),
    click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE",
        help="Set one value, such as risk.max_open_orders=5; strategy.X sets a parameter of the first strategy.",
    ),
    click.option(
        "--strategy", "strategies", multiple=True, metavar="NAME",
        help="A shipped strategy (mean_reversion, momentum, sma_cross), an installed one, or module:Class.",
    ),
    click.option("--start", metavar="TIME", help="First moment to replay (ISO 8601, UTC, or ns)."),
    click.option("--end", metavar="TIME", help="First moment not to replay any more."),
    click.option("--seed", type=int, help="Seed of every simulated chance."),
    click.option("--sort", is_flag=True, help="Sort tapes by time first, in memory (newest-first files)."),
    click.option("--timeframe", metavar="1m", help="Length of the bars, where two bars do not tell it."),
    click.option("--round-volume", is_flag=True, help="Round volumes of bars down to whole lots."),
    click.option("--json", is_flag=True, help="Print the result as one JSON object, and nothing else."),
    click.option(
        "--report", type=_PATH, metavar="DIR", help="Write the report (a page, JSON, Parquet) and the result there."
    ),
    click.option("--session", type=_PATH, metavar="FILE", help="Record the session in a new file."),
    click.option("--verify", is_flag=True, help="Reproduce a recorded session; name the first difference."),
    click.option("--check", is_flag=True, help="Replay again, stopped and resumed at random, and compare."),
    click.option(
        "--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
        help="What is logged; by default errors to stderr, or what is configured to a configured file.",
    ),
    click.option("--debug", is_flag=True, help="Show where an error was raised."),
)  # fmt: skip
