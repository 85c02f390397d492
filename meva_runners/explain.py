"""Tell the whole story of one order: `python -m meva_runners.explain --help`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("session", type=click.Path(path_type=Path))
@click.argument("order_id")
@click.option("--json", "as_json", is_flag=True, help="Print the story as one JSON object.")
@click.option("--debug", is_flag=True, help="Show where an error was raised.")
def main(session: Path, order_id: str, *, as_json: bool, debug: bool) -> None:
    """Tell what happened to the order ORDER_ID of SESSION, and why.

    In short, then features, signal, every risk check with its numbers, intent, what was sent, what the venue said,
    fills, postings.
    """
    from meva_runners.exit_status import told

    with told(debug=debug):
        from meva_adapters.reports.order_story import print_story
        from meva_runners.sessions.story import explain_order, story_json

        story = explain_order(session, order_id)
        if as_json:
            click.echo(story_json(story))
        else:
            print_story(story, sys.stdout)


if __name__ == "__main__":
    main(prog_name="meva explain")
