"""Alert 8: an agent that hangs or dies is told of from outside, over real pipes, processes and sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from meva_runners.trading.guard import Guard
from meva_runners.trading.watchdog import AGENT_DIED, HEARTBEAT_MISSING, Vigil
from tests.integration.alerts.test_alert_channels import Receiver, receiving
from tests.replay.case import config

# An agent in a process of its own: it beats, then does what the test says. The address comes in by the environment.
AGENT = """
import asyncio, os, sys, time
from meva_core.model.secret import Secret
from meva_runners.trading.guard import Guard
from tests.replay.case import config

async def main():
    guard = Guard(config(), interval_s=0.2, channels={"hook": Secret(os.environ["HOOK"])})
    for _ in range(10):
        guard.beat()
        await asyncio.sleep(0.1)
    print("beating", flush=True)
    if sys.argv[1] == "hang":
        time.sleep(3.0)  # The whole event loop stands still.
        for _ in range(5):
            guard.beat()
            await asyncio.sleep(0.1)
    elif sys.argv[1] == "beat":
        while True:
            guard.beat()
            await asyncio.sleep(0.1)
    await guard.stop()

asyncio.run(main())
"""


@asynccontextmanager
async def agent(what: str, receiver: Receiver) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an agent that does *what*, from the moment it has beaten for a second."""
    environ = os.environ | {"HOOK": receiver.address, "PYTHONPATH": str(Path.cwd())}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AGENT, what, stdout=asyncio.subprocess.PIPE, env=environ
    )
    try:
        assert process.stdout is not None
        assert b"beating\n" == await asyncio.wait_for(process.stdout.readline(), 20)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def heard(receiver: Receiver, code: str, within_s: float) -> float:
    """Return after how many seconds an alert of *code* came; fail when it did not."""
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        while code not in [body["code"] for body in receiver.bodies]:
            receiver.heard.clear()
            await receiver.heard.wait()
    return time.monotonic() - began


async def test_a_hung_loop_is_told_of_within_five_seconds_and_so_is_its_return() -> None:
    """The loop hangs for three seconds: the alert arrives meanwhile, once; then its return is told, as information."""
    async with receiving() as receiver, agent("hang", receiver) as process:
        took_s = await heard(receiver, HEARTBEAT_MISSING, 5)
        hung = process.returncode is None
        await asyncio.wait_for(process.wait(), 20)

    assert hung
    assert took_s < 2.5
    assert ["critical", "info"] == [body["level"] for body in receiver.bodies]
    assert "[REPLAY]" in receiver.bodies[0]["message"]
    assert "meva controls kill" in receiver.bodies[0]["message"]


async def test_a_killed_process_is_told_of() -> None:
    """SIGKILL leaves no time for a farewell; the watchdog tells, and ends."""
    async with receiving() as receiver, agent("beat", receiver) as process:
        process.send_signal(signal.SIGKILL)
        await heard(receiver, AGENT_DIED, 5)

    assert [AGENT_DIED] == [body["code"] for body in receiver.bodies]


async def test_a_stop_in_good_order_calls_nobody() -> None:
    """The farewell is heard, and the watchdog ends with the agent."""
    async with receiving() as receiver, agent("stop", receiver) as process:
        await asyncio.wait_for(process.wait(), 20)

    assert 0 == process.returncode
    assert [] == receiver.bodies


async def test_a_watchdog_that_died_is_seen_and_hurts_nobody() -> None:
    """The agent goes on beating; *watches* is false."""
    async with Guard(config(), interval_s=5.0, channels={}) as guard:
        before = guard.watches
        guard._process.kill()
        guard._process.wait()
        for _ in range(3):
            guard.beat()
        after = guard.watches

    assert (True, False) == (before, after)


def test_more_than_two_intervals_are_silence_and_it_is_told_once_in_a_while() -> None:
    """Exactly two intervals are none; what lasts is told again after the pause, what came back anew."""
    vigil = Vigil(1.0, now_s=0.0, again_s=10.0)
    told = [second for second in range(25) if vigil.silence_s(float(second))]
    back = vigil.beat(25.0)
    quiet = [vigil.silence_s(second) for second in (26.0, 27.0)]

    assert [3, 13, 23] == told
    assert 25.0 == back
    assert [0.0, 0.0] == quiet
    assert 2.5 == vigil.silence_s(27.5)
