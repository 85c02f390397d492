"""Ask a running agent from the command line: `meva controls kill`. It decides nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from meva_runners.exit_status import told

READS: Final = ("status", "orders", "positions", "pnl", "treasury", "decisions", "alerts", "health", "live")
WISHES: Final = ("pause", "resume", "kill", "release", "budget", "acknowledge")
# Which options each wish about money needs; its subject is the name of what it is about.
MONEY: Final = {
    "cost": ("category", "asset", "amount"),
    "approve": (),
    "reject": (),
    "settle": ("asset", "amount"),
    "correct": ("asset", "amount", "source", "target"),
}
_OPTION_OF: Final = {"source": "from", "target": "to"}
EXAMPLES: Final = f"""
\b
Wishes:
  look   {", ".join((*READS, "why"))}
  steer  {", ".join(WISHES)}
  money  {", ".join(MONEY)}

\b
Examples:
  meva controls status
  meva controls kill --env prod -c agent.yaml --reason "prices look wrong"
  meva controls pause --reason "venue maintenance"
  meva controls decisions --kind refusal --limit 20
  meva controls budget 5000
  meva controls cost hosting-2026-02 --category infrastructure --asset USDT --amount 12.50
  meva controls approve surplus-1771545600000000000
  meva controls settle surplus-1771545600000000000 --asset USDT --amount -40
  meva controls correct cost:hosting-2026-02 --asset USDT --amount 2.50 --from costs:infrastructure --to payable
"""


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("wish", type=click.Choice((*WISHES, *MONEY, *READS, "why")), metavar="WISH")
@click.argument("subject", default="")
@click.option(
    "--url", envvar="MEVA_CONTROLS_URL", show_envvar=True, help="Where the agent's controls listen."
)
@click.option("--tokens", envvar="MEVA_CONTROLS_TOKENS", show_envvar=True, type=click.Path(path_type=Path),
              help="The folder with the agent's tokens.")  # fmt: skip
@click.option(
    "--env", help="The agent's settings instead of both; a kill then also reaches the venue by itself."
)
@click.option("-c", "--config", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="With --env: further settings.")  # fmt: skip
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="With --env: one value of them.")
@click.option("--before", type=click.IntRange(0), default=0, metavar="N",
              help="Of decisions: those before event N, the `next` of an answer.")  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1, 500), default=60, show_default=True, help="Of decisions: how many."
)
@click.option("--kind", default="", help="Of decisions: only signal, risk, refusal, submit, update, fill ...")
@click.option("--reason", default="by command line", show_default=True, help="Kept with the decision.")
@click.option("--category", help="Of a cost: infrastructure, data, model, exchange ...")
@click.option("--asset", help="Currency of a cost, a settlement or a correction.")
@click.option("--amount", help="Of a cost, positive; of a settlement, negative when money left.")
@click.option("--mark", help="What one of a cost's asset is worth; without it the agent's own mark counts.")
@click.option("--from", "source", help="Ledger account that a correction takes from.")
@click.option("--to", "target", help="Ledger account that a correction gives to.")
def main(
    wish: str,
    subject: str,
    url: str | None,
    tokens: Path | None,
    env: str | None,
    config: tuple[Path, ...],
    overrides: tuple[str, ...],
    reason: str,
    before: int,
    limit: int,
    kind: str,
    **money: str | None,
) -> None:
    """Carry WISH, one of those below, to a running agent.

    SUBJECT is the amount of `budget`, the order of `why`, CODE[:SUBJECT] of an alert, the id of a cost, the transfer
    that is approved, rejected or settled, or the cause of the postings that are corrected. A cost or settlement that
    is told twice is booked once.
    """
    from meva_adapters.controls.client import ControlsClient
    from meva_runners.commands.kill_app import kill, place_of

    operation, fields = _asked(wish, subject, money)
    with told(debug=False):
        place = place_of(url, tokens, env, config, overrides)
        if place is None:
            raise click.UsageError("Say where the agent is: --url and --tokens, or --env with its settings.")
        client = ControlsClient(url=place.url, folder=place.folder)
        if wish == "kill":
            status, said = asyncio.run(kill(place, reason))
            click.echo(said)
            sys.exit(status)
        elif operation:
            click.echo(json.dumps(asyncio.run(client.ask(operation, reason=reason, **fields)), indent=2))
        elif wish == "why":
            click.echo(json.dumps(asyncio.run(client.why(subject)), indent=2))
        else:
            page = f"?before={before}&limit={limit}&kind={quote(kind)}" if wish == "decisions" else ""
            click.echo(json.dumps(asyncio.run(client.read(f"{wish}{page}")), indent=2))


def _asked(wish: str, subject: str, money: dict[str, str | None]) -> tuple[str, dict[str, Any]]:
    """Return the operation of the controls that *wish* is, empty for one that only looks, and its fields."""
    if wish == "budget":
        return wish, {"budget": subject}
    if wish == "acknowledge":
        code, _, about = subject.partition(":")
        return wish, {"code": code, "subject": about}
    if wish in WISHES:
        return wish, {}
    if wish == "why" and not subject:
        raise click.UsageError("why needs the name of an order.")
    if wish not in MONEY:
        return "", {}
    missing = [f"--{_OPTION_OF.get(name, name)}" for name in MONEY[wish] if not money[name]]
    if missing or not subject:
        raise click.UsageError(f"{wish} needs {', '.join([*([] if subject else ['a SUBJECT']), *missing])}.")
    fields: dict[str, Any] = {name: money[name] for name in MONEY[wish]}
    if wish == "cost":
        fields["mark"] = money["mark"] or ""
    match wish:
        case "approve" | "reject":
            return "transfer", {"transfer_id": subject, "approved": wish == "approve"}
        case "correct":
            return "correction", fields | {"cause": subject}
        case _:
            return {"settle": "settlement"}.get(wish, wish), fields | {"request_id": subject}


if __name__ == "__main__":
    main(prog_name="meva controls")
