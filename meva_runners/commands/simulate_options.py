"""Define the options of a simulation; simulate nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen

from meva_runners.commands.option_group import with_options

EXAMPLES: Final = """
\b
Examples:
  meva simulate                                 twenty seeds of ten minutes
  meva simulate --seeds 500                     what every change of this project passes
  meva simulate --seed 17                       one seed, with everything it found
  meva simulate --strategy mine:AboveAverage    chaos for a strategy of your own
  meva simulate --plan failure-17.json          the smallest plan that broke seed 17
"""


@frozen(kw_only=True)
class SimulateOptions:
    """Hold what the command line asked for."""

    seeds: int
    first: int
    seed: int | None
    minutes: int
    strategy: str
    overrides: tuple[str, ...]
    dense: bool
    plan: Path | None
    once: bool
    processes: int | None
    out: Path
    json: bool
    debug: bool


def simulate_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a click command; it gets them as one `SimulateOptions`."""
    return with_options(command, _OPTIONS, SimulateOptions)


_PATH: Final = click.Path(path_type=Path)
_OPTIONS: Final = (
    click.option("--seeds", type=click.IntRange(1), default=20, show_default=True, help="How many seeds to run."),
    click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="The first of them."),
    click.option("--seed", type=click.IntRange(0), help="Run this seed alone."),
    click.option(
        "--minutes", type=click.IntRange(1, 100_000), default=10, show_default=True,
        help="Simulated minutes with faults, per seed; some quiet ones follow.",
    ),
    click.option("--strategy", default="", metavar="NAME", help="A shipped strategy, or module:Class."),
    click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A parameter, such as strategy.fast=20."
    ),
    click.option("--dense", is_flag=True, help="Trade at every other trade of the market: very many orders."),
    click.option("--plan", type=_PATH, metavar="FILE", help="Run a plan of faults that a failure left behind."),
    click.option("--once", is_flag=True, help="Run each seed once, and compare no traces."),
    click.option("--processes", type=click.IntRange(1), help="Worker processes; by default one per processor."),
    click.option(
        "--out", type=_PATH, default=Path(), metavar="DIR", help="Where the plans of failures go.", show_default=True
    ),
    click.option("--json", is_flag=True, help="Print the result as one JSON object, and nothing else."),
    click.option("--debug", is_flag=True, help="Show where an error was raised."),
)  # fmt: skip
