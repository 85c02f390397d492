"""Try in half a minute whether a whole agent works on this machine: paper trading, pause, resume, kill, verification.

    python -m meva_runners.smoke

It trades with play money at the venue within the agent, over loopback, in processes of their own. 0 when all went well.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click

from meva_adapters.controls.client import ControlsClient, ControlsError
from meva_runners.exit_status import FAILED, HALTED

_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.2
_EAGER: Final = (
    "--strategy", "sma_cross", "--set", "strategy.fast=2", "--set", "strategy.slow=3",
    "--set", "strategy.timeframe=null", "--set", "strategy.quantity=0.005",
    "--set", "execution.reconcile_interval_s=1",
)  # fmt: skip


class SmokeError(Exception):
    """Say which step did not do what it should."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Trade on paper, pause, resume, kill and verify, over real sockets; say which step fails, if one does."""
    with TemporaryDirectory(prefix="meva-smoke-") as name:
        try:
            _trade(Path(name))
        except (SmokeError, ControlsError) as error:
            click.echo(f"FAILED  {error}", err=True)
            sys.exit(FAILED)
    click.echo("All is well.")


def _trade(folder: Path) -> None:
    session, control = folder / "session.db", folder / "control"
    command = [sys.executable, "-m", "meva_runners.paper", "--session", str(session), "--controls-port", "0"]
    command += ["--set", f"controls.folder={control}", *_EAGER]
    agent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own interpreter and module.
    try:
        client = ControlsClient(url=_address(agent), folder=control)
        _walk(client)
        agent.terminate()
        status = agent.wait(_PATIENCE_S)
    finally:
        agent.kill()
        agent.communicate()
    _step("a killed agent ends with status 5", "" if status == HALTED else f"it ended with {status}")
    verified = subprocess.run(  # noqa: S603 - our own interpreter and module.
        [sys.executable, "-m", "meva_runners.replay", str(session), "--verify"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    _step("the session verifies", verified.stderr.strip() if verified.returncode else "")


def _walk(client: ControlsClient) -> None:
    """Do what an operator does on a first day."""
    _wait(client, "it trades", lambda status: status["fills"])
    asyncio.run(client.ask("pause", reason="smoke"))
    _wait(client, "it is paused", lambda status: status["gate"]["state"] == "PAUSED")
    _resume(client)
    _wait(client, "it trades again", lambda status: status["gate"]["state"] == "OPEN")
    asyncio.run(client.kill(reason="smoke"))
    _wait(client, "it is killed, and no order is left", _is_killed)


def _resume(client: ControlsClient) -> None:
    """Resume as soon as books and venue have been compared; until then it is refused."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            asyncio.run(client.ask("resume", reason="smoke"))
        except ControlsError:
            if time.monotonic() > end:
                raise
            time.sleep(_LOOK_S)
        else:
            return


def _is_killed(status: dict[str, Any]) -> bool:
    return status["gate"]["state"] == "KILLED" and not status["orders"]


def _address(agent: subprocess.Popen[str]) -> str:
    """Return where the controls listen, as the agent says on standard error."""
    assert agent.stderr is not None, "it was asked for"
    said = []
    for line in agent.stderr:
        if line.startswith("dashboard "):
            return line.split()[1]
        said.append(line)
    raise SmokeError(f"the agent did not start: {''.join(said).strip()}")


def _wait(client: ControlsClient, step: str, condition: Callable[[dict[str, Any]], object]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not condition(status := asyncio.run(client.read("status"))):
        if time.monotonic() > end:
            problems = "; ".join(status["health"]["problems"]) or "no reason is known"
            raise SmokeError(f"{step}: not within {_PATIENCE_S:.0f} s: {problems}")
        time.sleep(_LOOK_S)
    click.echo(f"ok      {step}")


def _step(step: str, why: str) -> None:
    """Say that *step* is done; raise where there is a reason *why* it is not."""
    if why:
        raise SmokeError(f"{step}: {why}")
    click.echo(f"ok      {step}")


if __name__ == "__main__":
    main(prog_name="meva smoke")
