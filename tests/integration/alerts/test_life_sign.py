"""An agent that lives says so elsewhere; who hears nothing any more calls, whatever has happened to the machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meva_adapters.alerts.life_sign import LifeSign
from meva_adapters.secrets.references import ReferencedSecrets
from meva_core.errors import ConfigError
from meva_core.ops.alerts import AlertService
from meva_runners.trading.alarm import Alarm
from tests.integration.alerts.test_alert_channels import Receiver, receiving
from tests.replay.case import config


@asynccontextmanager
async def signing(receiver: Receiver) -> AsyncIterator[tuple[LifeSign, list[bool]]]:
    """Run a sign of life every 50 ms, with what it heard of its own success."""
    changes: list[bool] = []
    sign = LifeSign(receiver.address, every_s=0.05, on_change=changes.append)
    task = asyncio.create_task(sign.run())
    try:
        yield sign, changes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def asked(receiver: Receiver, count: int) -> None:
    """Wait until the address was asked so often."""
    async with asyncio.timeout(5):
        while len(receiver.asked) < count:
            receiver.heard.clear()
            await receiver.heard.wait()


async def test_it_is_sent_while_there_are_beats_and_not_without() -> None:
    """Before the first beat there is nothing to say, and a loop that stopped beating says nothing more."""
    async with receiving() as receiver, signing(receiver) as (sign, _):
        await asyncio.sleep(0.15)
        before = len(receiver.asked)
        for count in (1, 2, 3):
            sign.beat()
            await asked(receiver, count)
        await asyncio.sleep(0.3)
        after = len(receiver.asked)

    assert (0, 3) == (before, after)


async def test_what_becomes_of_it_is_told_when_it_changes() -> None:
    """A service that is down is one line in the log, and its return another; the agent waits for neither."""
    async with receiving(200, 200, 500, 500, 200) as receiver, signing(receiver) as (sign, changes):
        for count in range(1, 6):
            sign.beat()
            await asked(receiver, count)
        async with asyncio.timeout(5):
            while len(changes) < 3:  # noqa: ASYNC110 - a list has no event.
                await asyncio.sleep(0.01)

    assert [True, False, True] == changes


async def test_a_dead_address_is_no_error() -> None:
    """Nobody listens there any more."""
    async with receiving() as receiver:
        sign = LifeSign(receiver.address, every_s=1, on_change=lambda _: None)

    assert not await sign.send()


@pytest.mark.parametrize(
    ("address", "told"),
    [("http://example.com/secret-path", "not encrypted"), ("mailto://secret-path", "none of the web")],
)
def test_an_address_that_cannot_be_asked_is_refused_without_being_shown(address: str, told: str) -> None:
    """The setting is named, the address is not."""
    with pytest.raises(ConfigError, match=told) as refused:
        LifeSign(address, every_s=1, on_change=lambda _: None)

    assert "secret-path" not in str(refused.value)


async def test_the_agents_own_beat_is_what_is_sent_on(tmp_path: Path) -> None:
    """The alarm of a running agent asks the configured address, and hides it from every log line."""
    async with receiving() as receiver:
        settings = config(f"controls.folder={tmp_path}", "observability.heartbeat_url=env:BEAT")
        async with Alarm(settings, ReferencedSecrets({"BEAT": receiver.address})) as alarm:
            alarm.beat(AlertService(), 1)
            await asked(receiver, 1)
            secrets = alarm.secrets

    assert (receiver.address,) == secrets
