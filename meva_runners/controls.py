"""Ask a running agent from the command line: `meva controls kill`. It decides nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from meva_runners.exit_status import told

READS = ("status", "orders", "positions", "pnl", "treasury", "decisions", "alerts", "health", "live")
WISHES = ("pause", "resume", "kill", "release", "budget", "acknowledge")


@click.command()
@click.argument("wish", type=click.Choice((*WISHES, *READS, "why")))
@click.argument("subject", default="")
@click.option("--url", envvar="MEVA_CONTROLS_URL", required=True, help="Where the agent's controls listen.")
@click.option("--tokens", envvar="MEVA_CONTROLS_TOKENS", required=True, type=click.Path(path_type=Path),
              help="The folder with the agent's tokens.")  # fmt: skip
@click.option("--reason", default="by command line", show_default=True, help="Kept with the decision.")
def main(wish: str, subject: str, url: str, tokens: Path, reason: str) -> None:
    """Carry WISH to a running agent. SUBJECT is that of `budget`, an order for `why`, CODE[:SUBJECT] of an alert."""
    from meva_adapters.controls.client import ControlsClient

    client = ControlsClient(url=url.rstrip("/"), folder=tokens)
    with told(debug=False):
        if wish == "kill":
            click.echo(asyncio.run(client.kill(reason=reason)))
        elif wish in WISHES:
            code, _, about = subject.partition(":")
            known = {"budget": {"budget": subject}, "acknowledge": {"code": code, "subject": about}}
            fields = known.get(wish, {})
            click.echo(json.dumps(asyncio.run(client.ask(wish, reason=reason, **fields)), indent=2))
        else:
            path = f"orders/{subject}/why" if wish == "why" else wish
            click.echo(json.dumps(asyncio.run(client.read(path)), indent=2))
