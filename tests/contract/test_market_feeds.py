"""Every live market feed that ships keeps the market feed contract."""

from __future__ import annotations

from meva_adapters.contracts.market_feed import MarketFeedContract
from meva_runners.harnesses.market_feeds import BinanceFeedHarness, KrakenFeedHarness


class TestBinanceMarketStream(MarketFeedContract):
    """Binance's combined streams."""

    harness = BinanceFeedHarness


class TestKrakenMarketStream(MarketFeedContract):
    """Kraken's public channels."""

    harness = KrakenFeedHarness
