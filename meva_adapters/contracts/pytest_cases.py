"""Turn the cases of a kit into pytest's tests; decide no case."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from meva_adapters.contracts.case import Case, Kit, Verdict
from meva_adapters.contracts.loading import harness_at
from meva_core.errors import ConfigError


def each_case(kit: Kit[Any]) -> pytest.MarkDecorator:
    """Return the mark that runs a test once for each case of *kit*, under the case's name."""
    return pytest.mark.parametrize("case", kit.cases, ids=[case.name for case in kit.cases])


def verify_case(kit: Kit[Any], case: Case[Any], make_harness: Callable[[], Any]) -> None:
    """Fail where the promise is broken; skip, and say why, where nothing was proven."""
    result = asyncio.run(kit.prove(case, make_harness))
    match result.verdict:
        case Verdict.BROKEN:
            pytest.fail(f"{case.name}\n  {result.detail}\n  promised: {case.promise}", pytrace=False)
        case Verdict.NOT_PROVEN | Verdict.NOT_DECLARED:
            pytest.skip(f"{result.verdict}: {result.detail}")
        case Verdict.PROVEN:
            pass


def harness_of(test: object, config: pytest.Config) -> Callable[[], Any]:
    """Return the harness that the test's class names, or else the one of `--adapter`."""
    named: Callable[[], Any] | None = getattr(type(test), "harness", None)
    if named is not None:
        return named
    place = config.getoption("--adapter", default=None)
    if not place:
        raise pytest.UsageError(
            "name a harness: set `harness` in the subclass, or give --adapter MODULE:NAME"
        )
    try:
        return harness_at(place)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from error
