"""Fetch recorded bars and trades into files that replay reads: `python -m meva_runners.backfill --help`."""

from __future__ import annotations

import click

from meva_runners.commands.backfill_options import EXAMPLES, BackfillOptions, backfill_options


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@backfill_options
def main(options: BackfillOptions) -> None:
    """Fetch bars or trades of each SYMBOL (such as BTC/USDT) over an exchange's public REST interface, without a key.

    Every file holds the whole period, and says what is missing in it. The venue's request limits are obeyed.
    """
    from meva_runners.commands.backfill_app import backfill
    from meva_runners.exit_status import told

    with told(debug=options.debug):
        backfill(options)


if __name__ == "__main__":
    main(prog_name="meva backfill")
