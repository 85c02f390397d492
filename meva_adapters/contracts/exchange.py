"""Run the exchange contract under pytest: subclass `ExchangeContract`, or name a harness by `--adapter`.

`pytest -p meva_adapters.contracts.plugin --pyargs meva_adapters.contracts.exchange --adapter mine.venue:harness`
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.exchange_bench import ExchangeBench
from meva_adapters.contracts.exchange_harness import ExchangeHarness
from meva_adapters.contracts.exchange_kit import EXCHANGE
from meva_adapters.contracts.pytest_cases import each_case, harness_of, verify_case


class ExchangeContract:
    """Subclass it and set *harness* to your subclass of `ExchangeHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], ExchangeHarness] | None] = None

    @each_case(EXCHANGE)
    def test_case(self, case: Case[ExchangeBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(EXCHANGE, case, harness_of(self, pytestconfig))


class TestExchange(ExchangeContract):
    """Take the harness from the command line."""
