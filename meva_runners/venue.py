"""Run the simulated venue as a server: `python -m meva_runners.venue --help`."""

from __future__ import annotations

import click

from meva_runners.commands.venue_options import EXAMPLES, VenueOptions, venue_options


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@venue_options
def main(options: VenueOptions) -> None:
    """Be a spot exchange on this machine: Binance's REST, streams and WebSocket API on one port, with play money.

    With --like kraken it speaks Kraken's REST interface and WebSocket v2. The markets are made up from a seed, or
    follow recordings. Faults are ordered at /faults; docs/venue.md lists them.
    """
    from meva_runners.commands.venue_app import serve
    from meva_runners.exit_status import told

    with told(debug=options.debug):
        serve(options)


if __name__ == "__main__":
    main(prog_name="meva venue")
