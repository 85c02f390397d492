"""Look whether alert channels and heartbeat can be spoken to, and send a harmless test where that is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from meva_adapters.alerts.channels import sink_of
from meva_adapters.alerts.life_sign import LifeSign
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_core.model.secret import Secret
from meva_runners.checkup.finding import Finding, green, red, skipped


async def channel_findings(
    config: AppConfig, channels: Mapping[str, Secret], *, send: bool
) -> tuple[Finding, ...]:
    """Return whether each of *channels*, by reference, can be spoken to; *send* tries it with a test alert."""
    text = f"a test of the alert channels of {config.agent} on account {config.account}: nothing is wrong"
    alert = RaiseAlert(AlertLevel.INFO, "test", config.account, text, {"mode": config.mode.value})
    if not channels:
        return (
            skipped("alert channel", "none that reaches a person is configured, or its address is missing"),
        )
    test = alert if send else None
    return tuple(await asyncio.gather(*(_tried(name, channels[name], test) for name in channels)))


async def _tried(reference: str, address: Secret, alert: RaiseAlert | None) -> Finding:
    try:
        sink = sink_of(address.reveal())
    except ConfigError as error:
        said, _, remedy = error.problems[0].partition(". ")
        return red("alert channel", f"{reference}: {said}", remedy)
    if alert is None:
        return green("alert channel", f"{reference} holds an address; --live sends a test alert there")
    if not await sink.deliver(alert):
        remedy = "Check the address and its service; look whether this machine reaches it."
        return red("alert channel", f"{reference} did not take the test alert", remedy)
    return green("alert channel", f"{reference} took the test alert; look whether it arrived")


async def heartbeat_findings(address: Secret | None, *, send: bool) -> tuple[Finding, ...]:
    """Return whether the *address* of the heartbeat can be asked; *send* asks it once."""
    if address is None:
        remedy = "no observability.heartbeat_url: nobody elsewhere notices that this machine is gone"
        return (skipped("heartbeat", remedy),)
    try:
        sign = LifeSign(address.reveal(), every_s=1, on_change=lambda _: None)
    except ConfigError as error:
        said, _, remedy = error.problems[0].partition(". ")
        return (red("heartbeat", said, remedy),)
    if not send:
        return (green("heartbeat", "its address is there; --live asks it once"),)
    if not await sign.send():
        return (
            red("heartbeat", "its address did not take a sign of life", "Check the address and its service."),
        )
    return (green("heartbeat", "its address took a sign of life"),)
