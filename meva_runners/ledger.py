"""Print and prove a session's ledger: `python -m meva_runners.ledger --help`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("session", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(session: Path, *, as_json: bool, debug: bool) -> None:
    """Print journal and balances of SESSION, and verify them.

    The postings must sum to zero, follow from the journal, and equal the account's balances. Status 1 when not.
    """
    from meva_runners.exit_status import FAILED, told

    with told(debug=debug):
        from meva_runners.commands.ledger_app import ledger_json, print_ledger, read_ledger

        ledger = read_ledger(session)
        if as_json:
            click.echo(ledger_json(ledger))
        else:
            print_ledger(ledger, sys.stdout)
    if not ledger.is_sound:
        sys.exit(FAILED)


if __name__ == "__main__":
    main(prog_name="meva ledger")
