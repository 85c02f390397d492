"""Run the contract of transfers under pytest: subclass `TransfersContract`, or name a harness by `--adapter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.pytest_cases import each_case, harness_of, verify_case
from meva_adapters.contracts.transfers_kit import TRANSFERS, TransfersBench, TransfersHarness


class TransfersContract:
    """Subclass it and set *harness* to your subclass of `TransfersHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], TransfersHarness] | None] = None

    @each_case(TRANSFERS)
    def test_case(self, case: Case[TransfersBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(TRANSFERS, case, harness_of(self, pytestconfig))


class TestTransfers(TransfersContract):
    """Take the harness from the command line."""
