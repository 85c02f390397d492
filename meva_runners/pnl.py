"""Print what a session earned: `python -m meva_runners.pnl --help`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("session", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--method", type=click.Choice(("average", "fifo")), default="average", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(session: Path, *, method: str, as_json: bool, debug: bool) -> None:
    """Print the results of SESSION by day, symbol and strategy, and why equity changed on each closed day."""
    from meva_runners.exit_status import told

    with told(debug=debug):
        from meva_core.portfolio.trade_results import CostMethod
        from meva_runners.commands.pnl_app import pnl_json, print_pnl, read_pnl

        results = read_pnl(session, CostMethod(method))
        if as_json:
            click.echo(pnl_json(results))
        else:
            print_pnl(results, sys.stdout)


if __name__ == "__main__":
    main(prog_name="meva pnl")
