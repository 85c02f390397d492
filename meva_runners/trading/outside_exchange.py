"""Reach the configured account from another process than the agent's, to cancel what it left there; follow nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.signer import signer_of
from meva_adapters.secrets.references import ReferencedSecrets
from meva_adapters.transport.http import HttpTransport
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.ports.exchange import ExchangeAdapter


@asynccontextmanager
async def outside_exchange(config: AppConfig) -> AsyncIterator[ExchangeAdapter]:
    """Yield the exchange of *config*'s account; it knows the agent's own orders by their names."""
    venue, secrets = config.exchange, ReferencedSecrets(os.environ)
    if not venue.rest_url:
        raise ConfigError(("exchange.rest_url: without it the venue cannot be reached from here.",))
    key, secret = secrets.resolve(venue.api_key), secrets.resolve(venue.api_secret)
    async with HttpTransport() as transport:
        calls = BinanceCalls(
            transport,
            SystemClock(),
            rest_url=venue.rest_url,
            api_key=key.reveal(),
            signer=signer_of(secret.reveal()),
            recv_window_ms=venue.recv_window_ms,
        )
        symbols = [item.symbol for item in venue.instruments]
        yield BinanceExchange(calls, symbols=symbols, owns=ClientOrderIds(config.agent, config.account).owns)
