"""Bring what an agent raises to people, and again while nobody has seen it; judge not what is worth telling."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from attrs import evolve
from loguru import logger

from meva_adapters.alerts.channels import sink_of
from meva_adapters.alerts.delivery import AlertDelivery, Delivery
from meva_core.commands import RaiseAlert
from meva_core.config.safety import LOCAL_CHANNELS
from meva_core.config.schema import AppConfig
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.secret import Secret
from meva_core.ops.alerts import AlertService
from meva_core.ops.escalation import Escalation
from meva_core.ports.secrets import SecretSource
from meva_runners.trading.guard import Guard

_LOG: Final = logger.bind(category="alert")


class Alarm:
    """Deliver alerts through the channels of *config*, from the agent and, by a watchdog's process, about it.

    Every message says the mode and the account first. Without a channel that reaches a person there is no watchdog.
    """

    def __init__(self, config: AppConfig, source: SecretSource) -> None:
        """Raise `ConfigError` for a channel whose address is missing, exposed or unusable."""
        self._config = config
        self._channels = _addresses(config, source)
        self._delivery = AlertDelivery(
            {name: sink_of(address.reveal()) for name, address in self._channels.items()},
            on_delivery=_note_delivery,
        )
        self._escalation = Escalation(after_ns=config.observability.escalate_after_s * NS_PER_SECOND)
        self._prefix = f"[{config.mode.value.upper()}] {config.agent}, account {config.account}: "
        self._guard: Guard | None = None
        self._guard_lost = False
        self._resources = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._delivery.start()
        self._resources.push_async_callback(self._delivery.stop)
        if self._channels:
            interval_s = self._config.runtime.heartbeat_ms / 1_000
            guard = Guard(self._config, interval_s=interval_s, channels=self._channels)
            self._guard = await self._resources.enter_async_context(guard)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._resources.aclose()

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what no log line may hold."""
        return tuple(address.reveal() for address in self._channels.values())

    def raise_alert(self, alert: RaiseAlert) -> None:
        """Send *alert* on its way; return at once."""
        self._delivery.raise_alert(evolve(alert, message=self._prefix + alert.message))

    def beat(self, alerts: AlertService, now_ns: int) -> None:
        """Say that the main loop lives, and repeat what nobody has seen."""
        if self._guard is not None:
            self._guard.beat()
            if not self._guard.watches and not self._guard_lost:
                self._guard_lost = True
                _LOG.error("watchdog.ended")
        for alert in self._escalation.due(alerts.standing(), now_ns):
            self.raise_alert(alert)


def _addresses(config: AppConfig, source: SecretSource) -> Mapping[str, Secret]:
    names = [name for name in config.observability.alert_channels if name not in LOCAL_CHANNELS]
    return {name: source.resolve(name) for name in dict.fromkeys(names)}


def _note_delivery(delivery: Delivery) -> None:
    said = _LOG.bind(
        channel=delivery.channel, code=delivery.code, subject=delivery.subject, attempts=delivery.attempts
    )
    if delivery.delivered:
        said.info("alert.delivered")
    else:
        said.error("alert.not_delivered")
