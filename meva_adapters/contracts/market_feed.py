"""Run the market feed contract under pytest: subclass `MarketFeedContract`, or name a harness by `--adapter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.feed_kit import MARKET_FEED, FeedBench, MarketFeedHarness
from meva_adapters.contracts.pytest_cases import each_case, harness_of, verify_case


class MarketFeedContract:
    """Subclass it and set *harness* to your subclass of `MarketFeedHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], MarketFeedHarness] | None] = None

    @each_case(MARKET_FEED)
    def test_case(self, case: Case[FeedBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(MARKET_FEED, case, harness_of(self, pytestconfig))


class TestMarketFeed(MarketFeedContract):
    """Take the harness from the command line."""
