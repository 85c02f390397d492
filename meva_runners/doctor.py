"""Look whether trading may start here: `python -m meva_runners.doctor --help`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

EXAMPLES = """
\b
Examples:
  meva doctor                       this machine, with the settings of dev
  meva doctor --env prod            the venue, its clock, its rules and the key too
  meva doctor --env prod --live     and a test alert through every channel

Exit status 4 when something is red, 0 otherwise.
"""


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--env", default="dev", show_default=True, help="Settings to start from: dev, stage or prod.")
@click.option("-c", "--config", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="Further settings; the last counts.")  # fmt: skip
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Set one value of the settings.")
@click.option("--live", is_flag=True, help="Send a test alert through every configured channel.")
@click.option("--json", is_flag=True, help="Print the findings as one JSON object, and nothing else.")
@click.option("--debug", is_flag=True, help="Show where an error was raised.")
def main(**options: Any) -> None:
    """Check Python, settings, disk, folders, secrets, controls port, venue, clock, market rules and key."""
    from meva_runners.commands.doctor_app import DoctorOptions, run
    from meva_runners.exit_status import told

    asked = DoctorOptions(**options)
    with told(debug=asked.debug):
        run(asked)


if __name__ == "__main__":
    main(prog_name="meva doctor")
