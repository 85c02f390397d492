"""`meva controls` carries an operator's wish from another process, and stops an agent that no longer answers."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from meva_adapters.controls.access import open_tokens
from meva_adapters.controls.client import LATCH_NAME, ControlsClient
from meva_adapters.controls.kill_latch import KillLatch
from tests.integration.controls.controls_case import served


async def run(url: str, folder: Path | None, *words: str) -> tuple[int, str, str]:
    """Run the command in a process of its own; return its status and what it said."""
    options = ("--url", url, *(("--tokens", str(folder)) if folder else ()))
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


async def test_an_agent_whose_runner_decided_the_mode_is_found_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings say replay, the agent runs on paper: one other mode is meant, of two the operator chooses."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    paper, shadow = (tmp_path / "meva" / f"meva-main-{mode}" for mode in ("paper", "shadow"))
    options = ("kill", "--env", "dev", "--reason", "hung")
    open_tokens(paper)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        url = f"http://127.0.0.1:{hung.getsockname()[1]}"
        found = await run(url, None, *options)
        set_by_one = (paper / LATCH_NAME).exists()
        (paper / LATCH_NAME).unlink()
        meant = await run(url, None, *options, "--set", "mode=shadow")
        open_tokens(shadow)
        asked = await run(url, None, *options)
        untouched = not (paper / LATCH_NAME).exists() and not (shadow / LATCH_NAME).exists()
        chosen = await run(url, None, *options, "--set", "mode=shadow")

    assert (6, True) == (found[0], set_by_one), found
    assert f"asking the agent of mode paper, whose tokens are in {paper}" in found[2]
    assert 3 == meant[0]
    assert f"{shadow}/stop.token: there is no such token" in meant[2]
    assert (2, True) == (asked[0], untouched)
    assert "--set mode=paper" in asked[2]
    assert "--set mode=shadow" in asked[2]
    assert (6, "") == (chosen[0], chosen[2])
    assert (shadow / LATCH_NAME).exists()


async def test_a_kill_that_only_sets_the_latch_says_that_orders_may_rest(tmp_path: Path) -> None:
    """With tokens alone nothing is cancelled: status 6. An agent that answers cancels by itself: status 0."""
    folder = tmp_path / "hung"
    open_tokens(folder)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        silent = await run(f"http://127.0.0.1:{hung.getsockname()[1]}", folder, "kill", "--reason", "hung")
    async with served(tmp_path) as (_, client):
        answered = await run(client.url(""), client.folder, "kill")

    assert (6, 0) == (silent[0], answered[0])
    assert "the kill latch is set and no order leaves" in silent[1]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("mode=paper", "exchange.rest_url: without it"),
        ("exchange.rest_url=http://127.0.0.1:9", "a secret"),
    ],
)
async def test_where_the_venue_is_out_of_reach_the_latch_is_told_first(
    tmp_path: Path, setting: str, told: str
) -> None:
    """What the settings lack for the venue takes nothing from the kill: status 6, and what is yours to do."""
    folder = tmp_path / "control"
    open_tokens(folder)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        url = f"http://127.0.0.1:{hung.getsockname()[1]}"
        status, out, err = await run(url, folder, "kill", "--env", "dev", "--set", setting)

    assert (6, "") == (status, err)
    assert out.startswith("the kill latch is set, no order leaves.")
    assert f"could not be reached from here: {told}" in out
    assert "on paper they end with its process" in out
    assert KillLatch(folder / LATCH_NAME).is_set()


async def test_a_start_behind_a_latch_left_there_says_who_why_and_what_to_do(tmp_path: Path) -> None:
    """The agent begins killed; the file is named where a person looks, and its author in the journal too."""
    folder, session = tmp_path / "control", tmp_path / "session.db"
    folder.mkdir(mode=0o700)
    KillLatch(folder / LATCH_NAME).set("hung", "ann")
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "meva_runners.paper", "--no-dashboard", "--duration", "2s"),
        *("--session", str(session), "--set", f"controls.folder={folder}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await program.communicate()

    assert 5 == program.returncode, err.decode()
    told = f"the kill latch is set (ann: hung): {folder / LATCH_NAME}. No order leaves until `meva controls release`"
    assert told in err.decode()
    assert b"the kill latch is set (ann: hung)" in session.read_bytes()
