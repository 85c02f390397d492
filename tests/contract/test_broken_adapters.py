"""The exchange contract finds what is wrong with an adapter, names the right case, and proves nothing by default."""

from __future__ import annotations

import asyncio

import pytest

from meva_adapters.contracts.case import CaseResult, NotProvenError, Verdict
from meva_adapters.contracts.exchange_harness import Trouble
from meva_adapters.contracts.exchange_kit import EXCHANGE
from meva_runners.harnesses.simulated import SimulatedHarness
from tests.contract.broken_adapters import BROKEN, WITNESSES


def results(make: object, *ids: str) -> dict[str, CaseResult]:
    """Run the cases of *ids*."""
    assert callable(make)
    return {case.case_id: asyncio.run(EXCHANGE.prove(case, make)) for case in EXCHANGE.chosen(ids)}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_adapter_fails_the_case_that_is_about_it(name: str) -> None:
    """What is wrong breaks its own case; cases about other things are still proven."""
    broken = BROKEN[name]
    found = results(broken.make, broken.case, *WITNESSES)
    expected = {case: Verdict.BROKEN if case in broken.also else Verdict.PROVEN for case in WITNESSES}

    assert Verdict.BROKEN == found.pop(broken.case).verdict
    assert expected == {case: result.verdict for case, result in found.items()}


class NoHooks(SimulatedHarness):
    """A harness whose author cannot cause anything."""

    async def trouble(self, trouble: Trouble) -> None:
        raise NotProvenError(f"way to cause: {trouble.mishap}")


def test_what_cannot_be_caused_is_not_proven() -> None:
    """A fault without a hook proves nothing, and says what is missing; what needs none is proven."""
    found = results(NoHooks, "EX-01", "EX-05", "EX-07")

    assert [Verdict.PROVEN, Verdict.NOT_PROVEN, Verdict.NOT_PROVEN] == [
        each.verdict for each in found.values()
    ]
    assert "the harness offers no way to cause: answer lost" == found["EX-07"].detail


def test_what_is_not_declared_is_not_asked_for() -> None:
    """A case about a capability that the adapter does not declare is neither proven nor broken."""
    [result] = results(SimulatedHarness, "EX-96").values()

    assert (Verdict.NOT_DECLARED, "dead-man switch") == (result.verdict, result.detail)


def test_whatever_is_raised_is_a_finding() -> None:
    """A harness or an adapter that raises breaks the case, and is stopped all the same."""
    stopped = []

    class Raises(SimulatedHarness):
        async def start(self) -> object:  # type: ignore[override]
            raise OSError("no such venue")

        async def stop(self) -> None:
            stopped.append(True)

    [result] = results(Raises, "EX-01").values()

    assert (Verdict.BROKEN, "raised OSError: no such venue") == (result.verdict, result.detail)
    assert [True] == stopped
