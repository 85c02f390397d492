"""Look whether every secret that the settings refer to is there, and private; show none."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from meva_core.config.safety import LOCAL_CHANNELS
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_core.model.secret import Secret
from meva_core.ports.secrets import SecretSource
from meva_runners.checkup.finding import Finding, green, red, skipped


@frozen(kw_only=True)
class FoundSecrets:
    """Hold what could be resolved: the pair of the exchange, the addresses of alert channels and of the heartbeat."""

    keys: tuple[Secret, Secret] | None
    channels: dict[str, Secret]
    heartbeat: Secret | None
    findings: tuple[Finding, ...]


def find_secrets(config: AppConfig, source: SecretSource) -> FoundSecrets:
    """Resolve every reference of *config*; what is missing or exposed is red."""
    found: dict[str, Secret] = {}
    findings = tuple(_looked_up(config, source, found))
    pair = [found.get(name) for name in (config.exchange.api_key, config.exchange.api_secret)]
    key, secret = pair
    channels = {name: found[name] for name in config.observability.alert_channels if name in found}
    return FoundSecrets(
        keys=(key, secret) if key and secret else None,
        channels=channels,
        heartbeat=found.get(config.observability.heartbeat_url),
        findings=findings,
    )


def _looked_up(config: AppConfig, source: SecretSource, found: dict[str, Secret]) -> Iterator[Finding]:
    exchange, observability = config.exchange, config.observability
    channels = [name for name in observability.alert_channels if name not in LOCAL_CHANNELS]
    named = (exchange.api_key, exchange.api_secret, *channels, observability.heartbeat_url)
    wanted = [name for name in named if name]
    if not wanted:
        yield skipped("secrets", "the settings refer to none")
    for reference in dict.fromkeys(wanted):
        try:
            found[reference] = source.resolve(reference)
        except ConfigError as error:
            said, _, remedy = error.problems[0].partition(". ")
            yield red("secrets", said, remedy)
        else:
            yield green("secrets", f"{reference} is there, and private")
