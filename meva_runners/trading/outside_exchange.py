"""Reach the configured account from another process than the agent's, to cancel what it left there; follow nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meva_adapters.secrets.references import ReferencedSecrets
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_core.ports.exchange import ExchangeAdapter
from meva_runners.trading.connected import connected
from meva_runners.venues.venue import Account, Right


@asynccontextmanager
async def outside_exchange(config: AppConfig) -> AsyncIterator[ExchangeAdapter]:
    """Yield the exchange of *config*'s account; it knows the agent's own orders by their names."""
    exchange, secrets = config.exchange, ReferencedSecrets(os.environ)
    if not exchange.rest_url:
        raise ConfigError(("exchange.rest_url: without it the venue cannot be reached from here.",))
    account = Account(
        rest_url=exchange.rest_url,
        stream_url=exchange.stream_url,
        api_key=secrets.resolve(exchange.api_key).reveal(),
        api_secret=secrets.resolve(exchange.api_secret).reveal(),
    )
    async with connected(config, account, Right.TRADE, beside=True) as connection:
        yield connection.canceller()
