"""`meva controls` carries an operator's wish from another process, and stops an agent that no longer answers."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

from meva_adapters.controls.access import open_tokens
from meva_adapters.controls.client import LATCH_NAME, ControlsClient
from meva_adapters.controls.kill_latch import KillLatch
from tests.integration.controls.controls_case import served


async def run(url: str, folder: Path, *words: str) -> tuple[int, str, str]:
    """Run the command in a process of its own; return its status and what it said."""
    options = ("--url", url, "--tokens", str(folder))
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "meva_runners.main",
        "controls",
        *words,
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()
    return program.returncode or 0, out.decode(), err.decode()


async def test_an_operator_pauses_looks_and_goes_on(tmp_path: Path) -> None:
    """Each command does what it says; a refusal is one line and status 1."""
    async with served(tmp_path) as (desk, client):
        url = client.url("")
        paused = await run(url, client.folder, "pause", "--reason", "lunch")
        gate = desk.desk.status().gate.state
        status = await run(url, client.folder, "status")
        resumed = await run(url, client.folder, "resume")
        refused = await run(url, client.folder, "budget", "999999999")

    assert (0, "PAUSED") == (paused[0], gate)
    assert "PAUSED" == json.loads(status[1])["gate"]["state"]
    assert "OPEN" == json.loads(resumed[1])["gate_after"]
    assert 1 == refused[0]
    assert "configured" in refused[2]


async def test_a_hung_agent_is_stopped_by_the_latch_within_a_second(tmp_path: Path) -> None:
    """A port that accepts and never answers is what a blocked loop looks like from outside."""
    folder = tmp_path / "control"
    open_tokens(folder)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        client = ControlsClient(url=f"http://127.0.0.1:{hung.getsockname()[1]}", folder=folder)
        async with asyncio.timeout(
            1.0 + 1.0
        ):  # The second is the promise, the other one this machine's load.
            said = await client.kill(reason="hung")

    assert "latch is set" in said
    assert KillLatch(folder / LATCH_NAME).is_set()


async def test_a_granted_release_takes_the_latch_off(tmp_path: Path) -> None:
    """What the latch held is free again only after the agent itself released the kill."""
    async with served(tmp_path) as (desk, client):
        latch = KillLatch(client.folder / LATCH_NAME)
        latch.set("hung", "ann")
        operator = ControlsClient(url=client.url(""), folder=client.folder)
        await operator.kill(reason="test")
        held = latch.is_set()
        await operator.ask("release", reason="looked")
        gate = desk.desk.status().gate.state

    assert held
    assert not latch.is_set()
    assert "OPEN" == gate
