"""Define the options that paper, shadow and live share, and what they mean for the settings; start nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from meva_runners.commands.duration import Duration
from meva_runners.commands.option_group import Option, with_options
from meva_runners.replaying.options import settings_overrides


@frozen(kw_only=True)
class TradingOptions:
    """Hold what the command line asked for. *duration* is in seconds; `None` means until it is stopped."""

    env: str = "dev"
    config: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    seed: int | None = None
    duration: float | None = None
    session: Path | None = None
    dashboard: bool = True
    controls_port: int | None = None
    json: bool = False
    log_level: str | None = None
    debug: bool = False
    arm: str = ""
    record: Path | None = None
    market_url: str = ""
    stream_url: str = ""
    like: str | None = None

    def settings_overrides(self, *fixed: str) -> list[str]:
        """Return every override of the settings, in the order in which they apply; *fixed* is what the runner is."""
        port = [] if self.controls_port is None else [f"controls.port={self.controls_port}"]
        return [*settings_overrides(self.strategies, self.seed, self.overrides), *port, *fixed]


_PATH: Final = click.Path(path_type=Path)
_OPTIONS: Final[tuple[Option, ...]] = (
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
    click.option("--seed", type=int, help="Seed of every simulated chance."),
    click.option("--duration", type=Duration(), metavar="60s", help="Stop after so long; otherwise on Ctrl-C."),
    click.option("--session", type=_PATH, metavar="FILE", help="Keep the session there; one that exists goes on."),
    click.option(
        "--dashboard/--no-dashboard", default=True, help="Serve controls and dashboard on loopback, or do not."
    ),
    click.option("--controls-port", type=click.IntRange(0, 65_535), help="Their port; 0 takes a free one."),
    click.option("--json", is_flag=True, help="Print the result as one JSON object, and nothing else."),
    click.option(
        "--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
        help="What is logged; by default errors to stderr, or what is configured to a configured file.",
    ),
    click.option("--debug", is_flag=True, help="Show where an error was raised."),
)  # fmt: skip


PAPER_EXAMPLES: Final = """
\b
Examples:
  meva paper                                       until Ctrl-C, with a dashboard on loopback
  meva paper --duration 60s --session paper.db     a minute, kept
  meva replay paper.db --verify                    the same decisions again, event by event
  meva paper --strategy sma_cross --set strategy.fast=5 --set strategy.slow=20 --set strategy.quantity=0.01
  meva paper --duration 60s --json > result.json
  meva paper --market-url https://api.binance.com  a real market, play money, no key
  meva paper --like kraken --duration 60s          at a venue that speaks as Kraken does
"""


LIVE_EXAMPLES: Final = """
\b
Examples:
  meva doctor --env prod                           look first whether everything is there
  meva live -c mine.yaml --arm "LIVE main 100 50"  account, largest order, largest daily loss
"""

SHADOW_EXAMPLES: Final = """
\b
Examples:
  meva shadow -c mine.yaml                         until Ctrl-C, with a dashboard
  meva shadow -c mine.yaml --duration 8h --session shadow.db --json > shadow.json
"""

RECORD: Final = click.option("--record", type=_PATH, metavar="DIR", help="Keep every raw market frame there.")
MARKET: Final = (
    click.option(
        "--market-url", default="", metavar="URL",
        help="Follow the market of a real venue, such as https://api.binance.com; fills stay simulated.",
    ),
    click.option("--stream-url", default="", metavar="URL", help="Its streams, where they are not at the usual place."),
    click.option(
        "--like", type=click.Choice(["binance", "kraken"]),
        help="Whose language the venue speaks; by default its address or exchange.venue says so, or it is Binance's.",
    ),
)  # fmt: skip
ARM: Final = click.option(
    "--arm",
    default="",
    metavar='"LIVE ACCOUNT ORDER LOSS"',
    help="Say what may be lost, as it is configured.",
)


def trading_options(*more: Option, env: str = "dev") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the shared options, with the default *env*, and *more*, to a click command.

    It gets them as one `TradingOptions`.
    """
    start = click.option(
        "--env", default=env, show_default=True, help="Settings to start from: dev, stage or prod."
    )

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        return with_options(command, (start, *_OPTIONS, *more), TradingOptions)

    return add
