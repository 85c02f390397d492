"""Define what a case of a contract is and run one; know no port and no test framework.

A case is a coroutine over a bench. It raises `ContractBreachError` where a promise is broken, and ends otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from attrs import field, frozen

from meva_core.errors import MevaError
from meva_core.ports.exchange import Capability

Bench = TypeVar("Bench")
CASE_SECONDS_MAX: Final = 20.0


class ContractBreachError(AssertionError):
    """Say which promise is broken, with what was expected and what came."""


@frozen
class NotProvenError(MevaError):
    """Say what a harness would have to offer so that a case could prove its promise."""

    missing: str

    def __str__(self) -> str:
        return f"the harness offers no {self.missing}"


class Verdict(StrEnum):
    """Tell what came of a case."""

    PROVEN = "proven"
    BROKEN = "BROKEN"
    NOT_PROVEN = "NOT PROVEN"  # The harness could not bring the case about: nothing is known.
    NOT_DECLARED = "not declared"  # The adapter does not offer what the case is about.


@frozen
class CaseResult:
    """Hold what came of one case; *detail* says why, where it is not proven."""

    case_id: str
    title: str
    promise: str
    verdict: Verdict
    detail: str = ""


@frozen
class Case(Generic[Bench]):
    """Hold one case under an id that stays. *promise* is the sentence of the port that it proves.

    *needs* names the capabilities without which the case has no meaning.
    """

    case_id: str
    title: str
    promise: str
    check: Callable[[Bench], Awaitable[None]] = field(repr=False)
    needs: tuple[Capability, ...] = ()

    @property
    def name(self) -> str:
        """Return id and title, as reports show them."""
        return f"{self.case_id} {self.title}"


Check = Callable[[Bench], Awaitable[None]]


class CaseList(Generic[Bench]):
    """Collect the cases of one module, in their order."""

    def __init__(self) -> None:
        self.cases: list[Case[Bench]] = []

    def case(
        self, case_id: str, title: str, *, promise: str, needs: Sequence[Capability] = ()
    ) -> Callable[[Check[Bench]], Check[Bench]]:
        """Make the decorated coroutine a case."""

        def add(check: Check[Bench]) -> Check[Bench]:
            self.cases.append(Case(case_id, title, promise, check, tuple(needs)))
            return check

        return add


@frozen
class Kit(Generic[Bench]):
    """Hold all cases of one port. *opened* starts a harness and gives the bench on which cases work.

    *declared* returns what the adapter on a bench offers.
    """

    port: str
    cases: tuple[Case[Bench], ...]
    opened: Callable[[Any], AbstractAsyncContextManager[Bench]] = field(repr=False)
    declared: Callable[[Bench], Sequence[Capability]] = field(default=lambda _bench: (), repr=False)

    def __attrs_post_init__(self) -> None:
        ids = [case.case_id for case in self.cases]
        assert len(set(ids)) == len(ids), "every case has an id of its own"

    def chosen(self, ids: Sequence[str]) -> tuple[Case[Bench], ...]:
        """Return the cases of *ids*, or all where it is empty."""
        return tuple(case for case in self.cases if not ids or case.case_id in ids)

    async def prove(self, case: Case[Bench], make_harness: Callable[[], Any]) -> CaseResult:
        """Run *case* on a harness of its own; every outcome is a verdict, whatever the adapter raises."""
        try:
            async with asyncio.timeout(CASE_SECONDS_MAX), self.opened(make_harness()) as bench:
                lacking = [each for each in case.needs if each not in self.declared(bench)]
                if lacking:
                    return _result(case, Verdict.NOT_DECLARED, ", ".join(lacking))
                await case.check(bench)
        except NotProvenError as error:
            return _result(case, Verdict.NOT_PROVEN, str(error))
        except ContractBreachError as error:
            return _result(case, Verdict.BROKEN, str(error))
        except TimeoutError:
            return _result(case, Verdict.BROKEN, f"it did not end within {CASE_SECONDS_MAX:g} s")
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything, and that is the finding.
            return _result(case, Verdict.BROKEN, f"raised {type(error).__name__}: {error}")
        return _result(case, Verdict.PROVEN)


def expect_equal(expected: object, actual: object, what: str) -> None:
    """Raise unless both are equal; *what* names them for a person."""
    if expected != actual:
        raise ContractBreachError(f"{what}: expected {expected!r}, got {actual!r}")


def expect_true(holds: object, what: str) -> None:
    """Raise unless *holds*; *what* is the sentence that must be true."""
    if not holds:
        raise ContractBreachError(f"not so: {what}")


def expect_raises(kind: type[Exception], call: Callable[[], object], *, saying: str) -> None:
    """Raise unless *call* raises an error of that kind whose text holds *saying*."""
    try:
        value = call()
    except kind as error:
        expect_true(saying in str(error), f"the error says {saying!r}: {error}")
        return
    raise ContractBreachError(f"expected {kind.__name__} ({saying}), got {value!r}")


def _result(case: Case[Any], verdict: Verdict, detail: str = "") -> CaseResult:
    return CaseResult(case.case_id, case.title, case.promise, verdict, detail)
