"""What waits is told in one message over a real socket, at the hour of the test's clock, and outlives the process."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meva_adapters.alerts.delivery import CHANNEL_FAILED
from meva_adapters.secrets.references import ReferencedSecrets
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.model.hours import NS_PER_DAY
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.alerts import AlertService
from meva_runners.trading.alarm import DIGEST_LOST, WAITING_NAME, Alarm
from tests.integration.alerts.test_alert_channels import Receiver, receiving
from tests.replay.case import config

MINUTE_NS = 60 * NS_PER_SECOND
HOUR_NS = 60 * MINUTE_NS
NIGHTLY = (
    "observability.digest.below=medium",
    "observability.digest.at=07:00",
    "observability.digest.every_s=86400",
    "observability.digest.quiet_hours=22:00-06:00",
)


class Clock:
    """Stand still at an hour of a day."""

    def __init__(self, hour: float) -> None:
        self.hour = hour

    def now_ns(self) -> int:
        """Return the time of the *hour*."""
        return 19_675 * NS_PER_DAY + int(self.hour * HOUR_NS)


@asynccontextmanager
async def alarmed(
    folder: Path, clock: Clock, receivers: dict[str, Receiver], *overrides: str
) -> AsyncIterator[Alarm]:
    """Run an alarm whose control folder is *folder*, with a channel to each of *receivers*, at *clock*."""
    channels = ", ".join(f"'env:{name}'" for name in receivers)
    settings = config(
        f"controls.folder={folder}",
        f"observability.alert_channels=[{channels}]",
        "runtime.heartbeat_ms=60000",
        *(overrides or NIGHTLY),
    )
    source = ReferencedSecrets({name: receiver.address for name, receiver in receivers.items()})
    async with Alarm(settings, source, now_ns=clock.now_ns) as alarm:
        yield alarm


def alert(level: AlertLevel, code: str, text: str = "look") -> RaiseAlert:
    """Return an alert about nothing in particular."""
    return RaiseAlert(level, code, "BTC/USDT", text, {})


def left(folder: Path) -> list[str]:
    """Return the names of what lies in *folder*."""
    return sorted(path.name for path in folder.iterdir())


async def heard(receiver: Receiver, count: int) -> list[str]:
    """Return the codes that came, when there are *count* of them."""
    async with asyncio.timeout(10):
        while len(receiver.taken) < count:
            receiver.heard.clear()
            await receiver.heard.wait()
    return [body["code"] for body in receiver.bodies]


async def test_a_night_of_alerts_is_one_message_in_the_morning(tmp_path: Path) -> None:
    """The critical one comes at once, the rest together when the quiet hours end, with mode and account first."""
    clock, service = Clock(23), AlertService()
    async with receiving() as receiver, alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
        for level in (AlertLevel.HIGH, AlertLevel.INFO, AlertLevel.CRITICAL):
            alarm.raise_alert(alert(level, level.value))
        at_night = await heard(receiver, 1)
        clock.hour = 29.9
        alarm.beat(service, clock.now_ns())
        clock.hour = 30
        alarm.beat(service, clock.now_ns())
        alarm.beat(service, clock.now_ns())
        in_the_morning = await heard(receiver, 2)
    digest = receiver.bodies[1]

    assert ["critical"] == at_night
    assert ["critical", "digest"] == in_the_morning
    assert ("high", "2") == (digest["level"], digest["context"]["alerts"])
    assert digest["message"].startswith("[REPLAY] meva, account main: 2 alerts waited, 2023-11-14 23:00")
    assert not (tmp_path / WAITING_NAME).exists()


async def test_what_waits_is_told_by_the_next_process(tmp_path: Path) -> None:
    """A process that ends at night, in good order or not, leaves what waits in a file that nobody else reads."""
    clock = Clock(23)
    async with receiving() as receiver:
        async with alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
            alarm.raise_alert(alert(AlertLevel.HIGH, "stale_data"))
        mode = stat.S_IMODE((tmp_path / WAITING_NAME).stat().st_mode)
        at_the_end = list(receiver.taken)
        clock.hour = 32
        async with alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
            alarm.beat(AlertService(), clock.now_ns())
            codes = await heard(receiver, 1)

    assert [] == at_the_end
    assert 0o600 == mode
    assert ["digest"] == codes
    assert "stale_data" in receiver.bodies[0]["message"]


async def test_a_process_that_ends_by_day_tells_what_waits(tmp_path: Path) -> None:
    """Nobody waits until seven for a process that is gone; the message says when each was raised."""
    clock = Clock(12)
    async with receiving() as receiver, alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
        alarm.raise_alert(alert(AlertLevel.INFO, "operator_pause", "lunch"))
        kept = (tmp_path / WAITING_NAME).exists()

    assert kept
    assert ["digest"] == [body["code"] for body in receiver.bodies]
    assert "INFO operator_pause (BTC/USDT) 2023-11-14 12:00: lunch" in receiver.bodies[0]["message"]
    assert not (tmp_path / WAITING_NAME).exists()


async def test_a_digest_is_kept_until_somebody_has_it(tmp_path: Path) -> None:
    """A channel that fails twice loses none of it: the file keeps what nobody has taken."""
    clock = Clock(12)
    async with receiving(500, 500, 200) as receiver, alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
        alarm.raise_alert(alert(AlertLevel.INFO, "operator_pause"))
        clock.hour = 31
        alarm.beat(AlertService(), clock.now_ns())
        await heard(receiver, 2)
        kept = (tmp_path / WAITING_NAME).exists()
        await heard(receiver, 3)

    assert [] == left(tmp_path)
    assert kept
    assert ["digest"] * 3 == [body["code"] for body in receiver.bodies]


async def test_a_damaged_file_is_told_of_and_put_aside(tmp_path: Path) -> None:
    """A person learns that something is missing and where to look; the agent goes on."""
    clock = Clock(12)
    for content in ("[", '{"waiting": [["loud"]], "dropped": 0}', "[]"):
        (tmp_path / WAITING_NAME).write_text(content, encoding="utf-8")
        async with receiving() as receiver, alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
            alarm.raise_alert(alert(AlertLevel.HIGH, "stale_data"))
            codes = await heard(receiver, 2)

        assert [DIGEST_LOST, "stale_data"] == codes
        assert content == (tmp_path / WAITING_NAME).with_suffix(".damaged").read_text(encoding="utf-8")


async def test_a_full_disk_holds_no_alert_up(tmp_path: Path) -> None:
    """What cannot be kept is still told in time; no exception reaches the agent."""
    clock = Clock(12)
    (tmp_path / WAITING_NAME).with_suffix(".new").mkdir()  # In the way of every write.
    async with receiving() as receiver, alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
        alarm.raise_alert(alert(AlertLevel.INFO, "operator_pause"))
        clock.hour = 31
        alarm.beat(AlertService(), clock.now_ns())
        codes = await heard(receiver, 1)

    assert ["digest"] == codes


@pytest.mark.parametrize(("level", "told"), [(AlertLevel.CRITICAL, 1), (AlertLevel.HIGH, 0)])
async def test_at_night_only_what_was_critical_is_repeated(
    level: AlertLevel, told: int, tmp_path: Path
) -> None:
    """A high alert that waits is not made critical by its own waiting; its patience begins in the morning."""
    clock, service = Clock(23), AlertService()
    raised = service.trigger(level, "stale_data", "look", time_ns=clock.now_ns())
    assert raised is not None
    async with receiving() as receiver, alarmed(tmp_path, clock, {"HOOK": receiver}) as alarm:
        alarm.raise_alert(raised)
        for hour in (23, 24, 25):
            clock.hour = hour
            alarm.beat(service, clock.now_ns())
        at_night = await heard(receiver, 3 * told)
        for hour in (30.0, 30.05, 30.1):
            clock.hour = hour
            alarm.beat(service, clock.now_ns())
        codes = await heard(receiver, 4 if told else 2)

    assert ["stale_data"] * 3 * told == at_night
    assert ("stale_data" if told else "digest") == codes[3 * told]
    assert {"stale_data"} == set(codes[3 * told + (1 - told) :])


async def test_a_channel_that_fails_at_night_is_told_of_with_what_woke_it(tmp_path: Path) -> None:
    """Only something critical is sent then, so whoever is awake learns that a channel is dead."""
    clock = Clock(23)
    async with (
        receiving() as alive,
        receiving(500) as dead,
        alarmed(tmp_path, clock, {"ALIVE": alive, "DEAD": dead}) as alarm,
    ):
        alarm.raise_alert(alert(AlertLevel.CRITICAL, "kill_switch"))
        codes = await heard(alive, 2)

    assert ["kill_switch", CHANNEL_FAILED] == codes


async def test_what_no_channel_would_get_does_not_wait(tmp_path: Path) -> None:
    """With a pager alone, a low alert is for the journal; no digest is kept that nobody would be sent."""
    overrides = (*NIGHTLY, "observability.channel_levels={'env:PAGER': critical}")
    async with receiving() as pager, alarmed(tmp_path, Clock(23), {"PAGER": pager}, *overrides) as alarm:
        for level in AlertLevel:
            alarm.raise_alert(alert(level, level.value))
        codes = await heard(pager, 1)

    assert ["critical"] == codes
    assert [] == left(tmp_path)


async def test_without_a_channel_to_a_person_nothing_waits(tmp_path: Path) -> None:
    """The log and the journal have it at once; no file is left for nobody."""
    async with alarmed(tmp_path, Clock(23), {}) as alarm:
        alarm.raise_alert(alert(AlertLevel.INFO, "operator_pause"))

    assert [] == left(tmp_path)
