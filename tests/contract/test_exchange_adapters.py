"""Every exchange adapter that ships keeps the exchange contract, and what cannot be proven on it is known."""

from __future__ import annotations

import asyncio
import subprocess
import sys

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


def test_the_contract_runs_from_the_installed_package() -> None:
    """One line of pytest proves an adapter, in a directory that knows nothing of this project."""
    contract = ["-p", "meva_adapters.contracts.plugin", "--pyargs", "meva_adapters.contracts.exchange"]
    harness = ["--adapter", "meva_runners.harnesses.simulated:harness"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *contract, *harness],
        capture_output=True,
        text=True,
        cwd="/",
        timeout=60,
        check=False,
    )

    assert 0 == run.returncode, run.stdout + run.stderr
    expected = ADAPTERS["simulated"]
    open_ = len(expected.not_proven), len(expected.not_declared)
    proven = len(EXCHANGE.cases) - sum(open_)
    told = f"contract: {proven} proven, 0 broken, {open_[0]} not proven, {open_[1]} not declared"
    assert told in run.stdout
