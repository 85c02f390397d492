"""A trading agent calls people through real sockets, and is watched from outside: nothing of it holds trading up."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

from meva_adapters.alerts.delivery import CHANNEL_FAILED
from meva_runners.trading.watchdog import AGENT_DIED, HEARTBEAT_MISSING
from tests.integration.alerts.test_alert_channels import Receiver, receiving
from tests.sandbox.agent_process import EAGER, AgentProcess, started, wait_for

CHANNELS = ("--set", "observability.alert_channels=[log, 'env:HOOK', 'env:DEAD']")


async def heard(receiver: Receiver, code: str, *, within_s: float = 5) -> None:
    """Wait until an alert of *code* came; fail when it does not."""
    async with asyncio.timeout(within_s):
        while code not in [body["code"] for body in receiver.bodies]:
            receiver.heard.clear()
            await receiver.heard.wait()


async def trading(agent: AgentProcess, *, fills: int = 1) -> None:
    """Wait until so many fills are booked."""
    client = await asyncio.to_thread(agent.controls)
    await asyncio.to_thread(wait_for, client, lambda status: len(status["fills"]) >= fills)


async def test_a_kill_reaches_a_person_within_five_seconds_while_another_channel_is_dead(
    tmp_path: Path,
) -> None:
    """The living channel gets the kill, with the mode first, and the news of the dead one; the agent traded on."""
    async with receiving() as receiver, receiving(500) as dead:
        hooks = {"HOOK": receiver.address, "DEAD": dead.address}
        with started("paper", tmp_path, *EAGER, *CHANNELS, **hooks) as agent:
            client = await asyncio.to_thread(agent.controls)
            await asyncio.to_thread(wait_for, client, lambda status: status["fills"])
            await client.kill(reason="fire")
            await heard(receiver, "kill_switch")
            await heard(receiver, CHANNEL_FAILED)
            status = await asyncio.to_thread(agent.end, signal.SIGTERM)
    [kill] = [body for body in receiver.bodies if body["code"] == "kill_switch"]

    assert 5 == status, agent.errors
    assert kill["message"].startswith("[PAPER] meva, account main: ")
    assert "critical" == kill["level"]
    assert receiver.address not in agent.errors
    assert not {HEARTBEAT_MISSING, AGENT_DIED} & {body["code"] for body in receiver.bodies}


async def test_an_agent_that_stands_still_and_one_that_dies_are_told_of(tmp_path: Path) -> None:
    """SIGSTOP freezes every thread of it: the watchdog tells within five seconds; after SIGKILL it tells again."""
    async with receiving() as receiver:
        hooks = {"HOOK": receiver.address, "DEAD": receiver.address}
        with started("paper", tmp_path, *EAGER, *CHANNELS, **hooks) as agent:
            await trading(agent)
            agent.process.send_signal(signal.SIGSTOP)
            await heard(receiver, HEARTBEAT_MISSING)
            agent.process.send_signal(signal.SIGCONT)
            agent.process.send_signal(signal.SIGKILL)
            await heard(receiver, AGENT_DIED)
    silent = [body for body in receiver.bodies if body["code"] == HEARTBEAT_MISSING]

    assert "critical" == silent[0]["level"]
    assert "[PAPER]" in silent[0]["message"]


async def test_systemd_hears_that_it_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    """In this order, on a real notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(20)
        with started("paper", tmp_path, "--duration", "2s", NOTIFY_SOCKET=str(tmp_path / "notify")) as agent:
            status = await asyncio.to_thread(agent.end)
            told = [supervisor.recv(100)]
            while told[-1] != b"STOPPING=1":
                told.append(supervisor.recv(100))

    assert 0 == status, agent.errors
    assert [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"] == list(dict.fromkeys(told))
