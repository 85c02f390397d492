"""Begin a strategy or an adapter of your own: `python -m meva_runners.new --help`."""

from __future__ import annotations

from pathlib import Path

import click

EXAMPLES = """
\b
Examples:
  meva new strategy above_mean                 above_mean.py, which trades, and its test
  meva new adapter corner --out adapters       an exchange adapter to write, its harness, and the contract as its test
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXAMPLES)
def main() -> None:
    """Write the files with which a strategy or an adapter begins; nothing that is there is touched."""


def _begin(kind: str, name: str, out: Path) -> None:
    from meva_runners.exit_status import told

    with told(debug=False):
        from meva_runners.commands.new_app import begin

        begin(kind, name, out)


_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where the files go.  [default: here]",
)


@main.command()
@click.argument("name")
@_OUT
def strategy(name: str, out: Path) -> None:
    """Write NAME.py, a strategy that trades on the bundled recording, and its test."""
    _begin("strategy", name, out)


@main.command()
@click.argument("name")
@_OUT
def adapter(name: str, out: Path) -> None:
    """Write NAME.py, an exchange adapter that sends nothing yet, its harness, and the contract as its test.

    The contract calls every case NOT PROVEN until harness and adapter are written.
    """
    _begin("adapter", name, out)


if __name__ == "__main__":
    main(prog_name="meva new")
