"""Report what a session did: `python -m meva_runners.report --help`."""

from __future__ import annotations

from pathlib import Path

import click

_PATH = click.Path(path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("session", type=_PATH)
@click.option("--day", metavar="DATE", help="Report one day of the session's zone, such as 2026-03-14.")
@click.option("--week", metavar="WEEK", help="Report one week, such as 2026-W11, or the week of a date.")
@click.option(
    "--out", type=_PATH, metavar="DIR", help="Write the files there.  [default: SESSION-report beside it]"
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(["html", "json", "parquet"]),
    multiple=True,
    help="Write this alone; may be repeated.  [default: all; parquet where pyarrow is installed]",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the report as one JSON object, and write no file."
)
@click.option("--debug", is_flag=True, help="Show where an error was raised.")
def main(
    session: Path,
    *,
    day: str | None,
    week: str | None,
    out: Path | None,
    formats: tuple[str, ...],
    as_json: bool,
    debug: bool,
) -> None:
    """Report what the agent did in SESSION: one HTML page, the same as JSON and as Parquet.

    The session is only read. One that an agent is using, that holds no event, or that is damaged is refused.
    """
    from meva_runners.exit_status import told

    with told(debug=debug):
        from meva_runners.commands.report_app import print_report, write_reports

        if as_json:
            print_report(session, day=day, week=week)
        else:
            write_reports(session, day=day, week=week, out=out, formats=formats)


if __name__ == "__main__":
    main(prog_name="meva report")
