"""Fees that a third asset pays are told as they were, by every adapter whose venue can charge them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest

from meva_adapters.contracts.case import Verdict
from meva_adapters.contracts.exchange_harness import ExchangeHarness
from meva_adapters.contracts.exchange_kit import EXCHANGE
from meva_core.execution.venue_fees import FeeSchedule
from meva_runners.harnesses.binance import VenueHarness
from meva_runners.harnesses.matching import MatchingHarness
from meva_runners.harnesses.simulated import SimulatedHarness

THIRD = "ETH"
FEES = FeeSchedule(Decimal(10), Decimal(10), THIRD)
charged: list[str] = []


def with_third_asset(base: type[ExchangeHarness]) -> Callable[[], ExchangeHarness]:
    """Return harnesses like *base* whose venue charges a third asset, and which note what paid in the end."""

    class Charging(base):  # type: ignore[misc, valid-type]
        fees = FEES

        async def stop(self) -> None:
            charged.extend(trade.fee_asset for trade in self.trades())
            await super().stop()

    return Charging


@pytest.mark.parametrize(
    "base", [SimulatedHarness, MatchingHarness, VenueHarness], ids=lambda base: base.__name__
)
@pytest.mark.parametrize(
    "case", EXCHANGE.chosen(["EX-70", "EX-71", "EX-74", "EX-77"]), ids=lambda case: case.name
)
def test_the_asset_and_every_digit_are_told(base: type[ExchangeHarness], case: object) -> None:
    """Of a purchase, a sale, partial fills, and wherever a trade is told; neither base nor quote paid."""
    charged.clear()
    result = asyncio.run(EXCHANGE.prove(case, with_third_asset(base)))  # type: ignore[arg-type]

    assert Verdict.PROVEN == result.verdict, result.detail
    assert {THIRD} == set(charged)
