"""Define the options of the simulated venue; start nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from attrs import field, frozen

from meva_runners.commands.option_group import with_options

EXAMPLES: Final = """
\b
Examples:
  meva venue --port 8080                             made-up markets, key meva-key, secret meva-secret
  meva venue --key k --secret s --balance USDT=5000  an account of your own
  meva venue --like kraken --port 8081               Kraken's REST and WebSocket v2, markets in USD; key meva-key,
                                                     secret bWV2YSBzaW11bGF0ZWQga3Jha2VuIHNlY3JldA==
  meva venue --tape frames.gz --speed 10             recorded frames at ten times their pace
"""


@frozen(kw_only=True)
class VenueOptions:
    """Hold what the command line asked for."""

    like: str
    host: str
    port: int
    key: tuple[str, ...]
    secret: tuple[str, ...] = field(repr=False)
    balance: tuple[str, ...]
    tape: tuple[Path, ...]
    speed: float
    seed: int
    debug: bool


def venue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a click command; it gets them as one `VenueOptions`."""
    return with_options(command, _OPTIONS, VenueOptions)


_RECORDED: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_OPTIONS: Final = (
    click.option(
        "--like", type=click.Choice(["binance", "kraken"]), default="binance", show_default=True,
        help="The exchange whose protocol it speaks.",
    ),
    click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on."),
    click.option(
        "--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="The port; 0 takes a free one."
    ),
    click.option("--key", multiple=True, help="An account's key; give it again for more accounts."),
    click.option("--secret", multiple=True, help="The secret of the key at the same place."),
    click.option("--balance", multiple=True, metavar="ASSET=AMOUNT", help="What every account holds at first."),
    click.option("--tape", type=_RECORDED, multiple=True, metavar="FILE", help="Recorded frames to follow."),
    click.option(
        "--speed", type=click.FloatRange(0.001, 1_000_000), default=1.0, show_default=True,
        help="How many times faster than recorded.",
    ),
    click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides made-up markets."),
    click.option("--debug", is_flag=True, help="Show where an error was raised."),
)  # fmt: skip
