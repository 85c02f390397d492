"""Bring what an agent raises to people, and again while nobody has seen it; judge not what is worth telling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from attrs import evolve
from loguru import logger

from meva_adapters.alerts.channels import sink_of
from meva_adapters.alerts.delivery import AlertDelivery, Delivery
from meva_adapters.alerts.life_sign import LifeSign
from meva_adapters.alerts.waiting_file import WaitingAlertsFile
from meva_adapters.clock.system import SystemClock
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.config.safety import LOCAL_CHANNELS
from meva_core.config.schema import AppConfig
from meva_core.errors import DataError
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.secret import Secret
from meva_core.ops.alert_guide import with_guide
from meva_core.ops.alerts import AlertService
from meva_core.ops.digest import DIGEST, Digest
from meva_core.ops.escalation import Escalation
from meva_core.ports.secrets import SecretSource
from meva_runners.trading.guard import Guard
from meva_runners.trading.places import control_folder

_LOG: Final = logger.bind(category="alert")
_CLOCK: Final = SystemClock()
WAITING_NAME: Final = "waiting_alerts.json"
DIGEST_LOST: Final = "digest_lost"
_LOST: Final = "the alerts that waited for a digest when the last process ended cannot be read"


class Alarm:
    """Deliver alerts through the channels of *config*, from the agent and, by a watchdog's process, about it.

    Every message says the mode and the account first, and at its end what the agent did and what to do. Without a
    channel that reaches a person there is no watchdog, and nothing waits for a digest. What waits is kept in the
    control folder until it was told, restarts included.
    """

    def __init__(
        self, config: AppConfig, source: SecretSource, *, now_ns: Callable[[], int] = _CLOCK.now_ns
    ) -> None:
        """Raise `ConfigError` for a channel whose address is missing, exposed or unusable."""
        self._config = config
        self._now_ns = now_ns
        observability = config.observability
        self._channels = _addresses(config, source)
        self._heartbeat = source.resolve(observability.heartbeat_url) if observability.heartbeat_url else None
        self._life_sign = _life_sign(self._heartbeat, observability.heartbeat_url_s)
        self._delivery = AlertDelivery(
            {name: sink_of(address.reveal()) for name, address in self._channels.items()},
            lowest={name: AlertLevel(level) for name, level in observability.channel_levels.items()},
            on_delivery=self._note,
        )
        self._escalation = Escalation(after_ns=config.observability.escalate_after_s * NS_PER_SECOND)
        self._digest = Digest(config.observability.digest)
        self._waiting = WaitingAlertsFile(control_folder(config) / WAITING_NAME)
        self._prefix = f"[{config.mode.value.upper()}] {config.agent}, account {config.account}: "
        self._guard: Guard | None = None
        self._guard_lost = False
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._delivery.start()
        self._take_up()
        self._resources.push_async_callback(self._delivery.stop)
        if self._life_sign is not None:
            asking = asyncio.create_task(self._life_sign.run())
            self._resources.push_async_callback(_ended, asking)
        if self._channels:
            interval_s = self._config.runtime.heartbeat_ms / 1_000
            guard = Guard(self._config, interval_s=interval_s, channels=self._channels)
            self._guard = await self._resources.enter_async_context(guard)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell_together(at_once=True)
        await self._resources.aclose()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what no log line may hold."""
        return tuple(
            address.reveal() for address in (*self._channels.values(), self._heartbeat) if address is not None
        )

    def raise_alert(self, alert: RaiseAlert) -> None:
        """Send *alert* on its way, or keep it for the digest; return at once."""
        if self._delivery.reaches(alert.level) and self._digest.hold(alert, self._now_ns()):
            _LOG.bind(code=alert.code, subject=alert.subject).info("alert.waits")
            self._keep()
        else:
            self._send_guided(alert)

    def beat(self, alerts: AlertService, now_ns: int) -> None:
        """Say that the main loop lives, tell what is due, and repeat what nobody has seen."""
        if self._life_sign is not None:
            self._life_sign.beat()
        if self._guard is not None:
            self._guard.beat()
            if not self._guard.watches and not self._guard_lost:
                self._guard_lost = True
                _LOG.error("watchdog.ended")
        self._tell_together()
        quiet = self._digest.is_quiet(now_ns)
        # In quiet hours only what was critical from the start calls again; the patience with the rest begins after.
        standing = [item for item in alerts.standing() if item.level is AlertLevel.CRITICAL or not quiet]
        for alert in self._escalation.due(standing, now_ns):
            self._send_guided(alert)

    def _send_guided(self, alert: RaiseAlert) -> None:
        """Send *alert* with since when, what was done, and what to do."""
        since_ns = alert.context.get("since_ns", self._now_ns())  # One that is repeated names its beginning.
        since = f"{datetime.fromtimestamp(since_ns // NS_PER_SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
        self._send(evolve(alert, message=with_guide(alert.code, alert.message, since)))

    def _send(self, alert: RaiseAlert) -> None:
        self._delivery.raise_alert(evolve(alert, message=self._prefix + alert.message))

    def _tell_together(self, *, at_once: bool = False) -> None:
        digest = self._digest.due(self._now_ns(), at_once=at_once)
        if digest is not None:
            self._send(digest)

    def _note(self, delivery: Delivery) -> None:
        said = _LOG.bind(
            channel=delivery.channel,
            code=delivery.code,
            subject=delivery.subject,
            attempts=delivery.attempts,
        )
        if not delivery.delivered:
            said.error("alert.not_delivered")
            return
        said.info("alert.delivered")
        if delivery.code == DIGEST and self._digest.waiting:
            self._digest.told()
            self._keep()

    def _take_up(self) -> None:
        """Take over what an earlier process could not tell any more; say so when that is not possible."""
        try:
            kept = self._waiting.load()
            if kept is not None:
                self._digest.restore(kept)
        except (DataError, LookupError, TypeError, ValueError) as exc:
            aside = self._waiting.set_aside()
            _LOG.bind(problem=str(exc), aside=str(aside)).error("digest.lost")
            self._send_guided(RaiseAlert(AlertLevel.HIGH, DIGEST_LOST, "", _LOST, {}))

    def _keep(self) -> None:
        """Let what waits outlive this process; a disk that does not take it holds no alert and no trade up."""
        try:
            if self._digest.waiting:
                self._waiting.keep(self._digest.snapshot())
            else:
                self._waiting.clear()
        except OSError as exc:
            _LOG.bind(problem=str(exc)).error("digest.not_kept")


def _addresses(config: AppConfig, source: SecretSource) -> Mapping[str, Secret]:
    names = [name for name in config.observability.alert_channels if name not in LOCAL_CHANNELS]
    return {name: source.resolve(name) for name in dict.fromkeys(names)}


def _life_sign(address: Secret | None, every_s: int) -> LifeSign | None:
    if address is None:
        return None
    return LifeSign(address.reveal(), every_s=every_s, on_change=_note_life_sign)


def _note_life_sign(taken: bool) -> None:  # noqa: FBT001 - a callback's only argument.
    if taken:
        _LOG.info("heartbeat.taken")
    else:
        _LOG.warning("heartbeat.not_taken")


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
