"""Every exchange adapter that ships keeps the exchange contract, and what cannot be proven on it is known."""

from __future__ import annotations

import asyncio

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.exchange_bench import ExchangeBench
from meva_adapters.contracts.exchange_kit import EXCHANGE
from tests.contract.expected_verdicts import ADAPTERS


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("case", EXCHANGE.cases, ids=lambda case: case.name)
def test_an_adapter_keeps_its_promise(adapter: str, case: Case[ExchangeBench]) -> None:
    """The verdict on each case is the one that is known, and no promise is broken."""
    expected = ADAPTERS[adapter]
    assert expected.harness is not None
    result = asyncio.run(EXCHANGE.prove(case, expected.harness))

    assert expected.verdict_of(case) == result.verdict, result.detail
