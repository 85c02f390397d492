"""Connect to the configured venue with the right of a mode, numbered on from where this machine's last call was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from meva_adapters.clock.system import SystemClock
from meva_adapters.transport.http import HttpTransport
from meva_core.config.schema import AppConfig
from meva_runners.trading.credentials import configured_venue
from meva_runners.trading.places import nonce_folder
from meva_runners.venues.venue import Account, Connection, Right


@asynccontextmanager
async def connected(
    config: AppConfig,
    account: Account,
    right: Right,
    *,
    on_anomaly: Callable[[str, str], None] | None = None,
    beside: bool = False,
) -> AsyncIterator[Connection]:
    """Yield the connection to *account*, and release it with everything that it holds.

    *on_anomaly* and *beside* are those of `Venue.connect`. Raise `ConfigError` for a venue or key that cannot be used.
    """
    async with HttpTransport() as transport:
        with configured_venue(config).connect(
            config,
            account,
            right,
            transport=transport,
            clock=SystemClock(),
            on_anomaly=on_anomaly,
            keep=nonce_folder(),
            beside=beside,
        ) as connection:
            yield connection
