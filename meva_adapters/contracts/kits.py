"""Find the contract that a harness is for."""

from __future__ import annotations

from typing import Any, Final

from meva_adapters.contracts.case import Kit
from meva_adapters.contracts.clock_kit import CLOCK, ClockHarness
from meva_adapters.contracts.exchange_harness import ExchangeHarness
from meva_adapters.contracts.exchange_kit import EXCHANGE
from meva_adapters.contracts.feed_kit import MARKET_FEED, MarketFeedHarness
from meva_adapters.contracts.metrics_kit import METRICS, MetricsHarness
from meva_adapters.contracts.state_kit import STATE_STORE, StateStoreHarness
from meva_adapters.contracts.storage_kit import SESSION, SessionHarness
from meva_adapters.contracts.transfers_kit import TRANSFERS, TransfersHarness
from meva_core.errors import ConfigError

KITS: Final[tuple[tuple[type, Kit[Any]], ...]] = (
    (ExchangeHarness, EXCHANGE),
    (MarketFeedHarness, MARKET_FEED),
    (SessionHarness, SESSION),
    (StateStoreHarness, STATE_STORE),
    (ClockHarness, CLOCK),
    (MetricsHarness, METRICS),
    (TransfersHarness, TRANSFERS),
)


def kit_of(harness: object) -> Kit[Any]:
    """Return the contract of the port that *harness* is for; raise `ConfigError` where it is for none."""
    for base, kit in KITS:
        if isinstance(harness, base):
            return kit
    bases = ", ".join(base.__name__ for base, _ in KITS)
    raise ConfigError((f"adapter: {type(harness).__name__} is no harness. Expected a subclass of {bases}.",))
