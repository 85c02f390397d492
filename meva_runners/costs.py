"""Book and close operating costs: `python -m meva_runners.costs --help`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_BOOK = click.option(
    "--book",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("meva-costs.json"),
    show_default=True,
    help="The file that holds the costs.",
)
_ARCHIVE = click.option(
    "--archive",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("meva-costs"),
    show_default=True,
    help="The folder of closed periods.",
)
_EVERY = click.Choice(("day", "week", "month"))


EXAMPLES = """
\b
Examples:
  meva costs add --reporting USDT --day 2026-01-31 --category data --currency EUR --amount 10 --mark 1.085 --every month
  meva costs import bills.csv
  meva costs correct hosting-1 --amount 9.50 --day 2026-03-02 --reason "credit note"
  meva costs rotate --through 2026-02-28
  meva costs tell --url http://127.0.0.1:8700 --tokens ~/.local/state/meva/meva-main-paper
"""


@click.group(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Record what running the agent costs, and close periods into archives."""


@main.command()
@_BOOK
@click.option("--reporting", default="", help="Reporting currency; needed for the first cost of a book.")
@click.option("--day", required=True, help="Day of the cost, YYYY-MM-DD; the first one of a recurring cost.")
@click.option("--category", required=True, help="For example infrastructure, data, model or exchange.")
@click.option("--currency", required=True)
@click.option("--amount", required=True, help="Positive amounts cost; a negative one corrects.")
@click.option("--mark", default="", help="What one unit of the currency is worth in the reporting currency.")
@click.option("--note", default="")
@click.option("--id", default="", help="Name of the cost; by default it follows from the content.")
@click.option("--every", type=_EVERY, default=None, help="The cost returns every day, week or month.")
@click.option("--until", default="", help="Last day of a recurring cost, YYYY-MM-DD.")
def add(book: Path, reporting: str, every: str | None, until: str, **row: str) -> None:
    """Book one cost, or one that returns."""
    _run("add_cost", book, reporting, row, every=every, until=until)


@main.command()
@click.argument("cost")
@_BOOK
@click.option("--amount", required=True, help="What COST should have been, in its own currency.")
@click.option("--day", required=True, help="Open day on which the difference is booked, YYYY-MM-DD.")
@click.option("--reason", required=True, help="Kept with the correction.")
@_ARCHIVE
def correct(cost: str, book: Path, archive: Path, **wish: str) -> None:
    """Correct COST, of an open or a closed period, by booking the difference; COST itself stays."""
    _run("correct_cost", book, cost, directory=archive, **wish)


@main.command()
@_BOOK
@click.option("--through", default="", help="Last day, YYYY-MM-DD; today by default.")
@click.option(
    "--url",
    envvar="MEVA_CONTROLS_URL",
    show_envvar=True,
    required=True,
    help="Where the agent's controls listen.",
)
@click.option(
    "--tokens",
    envvar="MEVA_CONTROLS_TOKENS",
    show_envvar=True,
    required=True,
    type=click.Path(path_type=Path),
    help="The folder with the agent's tokens.",
)
def tell(book: Path, through: str, url: str, tokens: Path) -> None:
    """Tell a running agent of the open costs, each once however often this is repeated."""
    _run("tell_costs", book, through, url=url, tokens=tokens)


@main.command("import")
@click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_BOOK
@click.option("--reporting", default="", help="Reporting currency; needed for the first cost of a book.")
def import_(table: Path, book: Path, reporting: str) -> None:
    """Book every row of a CSV file (id,day,category,currency,amount,mark,note), or none."""
    _run("import_costs", book, reporting, table)


@main.command("list")
@_BOOK
@click.option("--through", default="", help="Last day, YYYY-MM-DD; today by default.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def list_(book: Path, through: str, *, as_json: bool) -> None:
    """Print the open costs, what recurs included, and their sums by category."""
    _run("list_costs", book, through, as_json=as_json)


@main.command()
@_BOOK
@click.option("--through", required=True, help="Last day of the period that is closed, YYYY-MM-DD.")
@_ARCHIVE
def rotate(book: Path, through: str, archive: Path) -> None:
    """Close a period into an archive with a checksum, and carry the balance."""
    _run("rotate_costs", book, through, archive)


def _run(name: str, *values: Any, **options: Any) -> None:
    from meva_runners.exit_status import told

    with told(debug=False):
        from meva_runners.commands import costs_app

        getattr(costs_app, name)(*values, **options)


if __name__ == "__main__":
    main(prog_name="meva costs")
