"""Run the clock contract under pytest: subclass `ClockContract`, or name a harness by `--adapter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.clock_kit import CLOCK, ClockBench, ClockHarness
from meva_adapters.contracts.pytest_cases import each_case, harness_of, verify_case


class ClockContract:
    """Subclass it and set *harness* to your subclass of `ClockHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], ClockHarness] | None] = None

    @each_case(CLOCK)
    def test_case(self, case: Case[ClockBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(CLOCK, case, harness_of(self, pytestconfig))


class TestClock(ClockContract):
    """Take the harness from the command line."""
