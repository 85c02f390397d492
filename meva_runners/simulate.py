"""Simulate the agent under faults and prove what it promises: `python -m meva_runners.simulate --help`."""

from __future__ import annotations

import click

from meva_runners.commands.simulate_options import EXAMPLES, SimulateOptions, simulate_options


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@simulate_options
def main(options: SimulateOptions) -> None:
    """Run the agent against a bad venue, network and disk in virtual time, and check every promise after every event.

    Each seed draws its own faults: lost requests and answers, lagging queries, dropped and repeated messages, a
    wrong clock, full disks, crashes at any moment, an operator who kills and resumes. Every seed runs twice and must
    give the same trace. The exit status is 1 when anything was broken; a failure is shrunk to its smallest plan.
    """
    from meva_runners.commands.simulate_app import simulate
    from meva_runners.exit_status import told

    with told(debug=options.debug):
        simulate(options)


if __name__ == "__main__":
    main(prog_name="meva simulate")
