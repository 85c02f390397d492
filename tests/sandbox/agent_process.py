"""Start a runner as a person does, in a process of its own, and speak to it through its controls; claim nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meva_adapters.controls.client import ControlsClient, ControlsError

# Trades on every trade that prints, within the limits of the settings `dev`.
EAGER = (
    "--strategy", "sma_cross",
    "--set", "strategy.fast=2",
    "--set", "strategy.slow=3",
    "--set", "strategy.timeframe=null",
    "--set", "strategy.quantity=0.005",
    "--set", "execution.reconcile_interval_s=1",
    "--set", "risk.max_orders_per_window=1000",
    "--set", "risk.max_repeated_orders=500",
)  # fmt: skip


class AgentProcess:
    """Hold a running agent; *folder* has its session and its controls."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.session = folder / "session.db"
        self.output = ""
        self.errors = ""

    def controls(self) -> ControlsClient:
        """Return a client of its controls, once it has said where they are."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors += line
            if line.startswith("dashboard "):
                return ControlsClient(url=line.split()[1], folder=self.folder / "control")
        raise AssertionError(f"no dashboard: {self.errors}")

    def end(self, number: signal.Signals | None = None, *, within_s: float = 30) -> int:
        """Send a signal, wait for the end, keep what it said, and return its status."""
        if number is not None:
            self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=within_s)
        self.output, self.errors = output, self.errors + errors
        return self.process.returncode

    def result(self) -> dict[str, Any]:
        """Return the JSON that it printed."""
        loaded: dict[str, Any] = json.loads(self.output)
        return loaded

    def verified(self) -> str:
        """Return what `replay --verify` says of its session; an empty text where it fails."""
        done = run("replay", str(self.session), "--verify")
        return done.stdout if done.returncode == 0 else ""


def run(runner: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", f"meva_runners.{runner}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def started(runner: str, folder: Path, *arguments: str, **variables: str) -> Iterator[AgentProcess]:
    """Start *runner*, or the module of that name, with session and controls in *folder*; end it, whatever happens."""
    module = runner if "." in runner else f"meva_runners.{runner}"
    settings = ("--session", str(folder / "session.db"), "--controls-port", "0")
    command = [sys.executable, "-m", module, *settings, *arguments]
    command += ["--set", f"controls.folder={folder / 'control'}"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(folder / "state")} | variables,
    )
    try:
        yield AgentProcess(process, folder)
    finally:
        process.kill()
        process.communicate()


def wait_for(
    client: ControlsClient, condition: Callable[[dict[str, Any]], object], *, within_s: float = 20
) -> dict[str, Any]:
    """Return the first status that fulfils *condition*."""
    end = time.monotonic() + within_s
    while True:
        status: dict[str, Any] = asyncio.run(client.read("status"))
        if condition(status):
            return status
        shown = {name: status[name] for name in ("gate", "health", "events", "orders", "fills")}
        assert time.monotonic() < end, shown
        time.sleep(0.2)


def ask(client: ControlsClient, wish: str, *, within_s: float = 10) -> dict[str, Any]:
    """Carry an operator's wish; one that is refused for now is asked again."""
    end = time.monotonic() + within_s
    while True:
        try:
            return asyncio.run(client.ask(wish, reason="test"))
        except ControlsError:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)
