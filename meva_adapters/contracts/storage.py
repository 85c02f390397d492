"""Run the storage contracts under pytest: subclass one of the two, or name a harness by `--adapter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.pytest_cases import each_case, harness_of, verify_case
from meva_adapters.contracts.state_kit import STATE_STORE, StateStoreBench, StateStoreHarness
from meva_adapters.contracts.storage_kit import SESSION, SessionBench, SessionHarness


class SessionContract:
    """Subclass it and set *harness* to your subclass of `SessionHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], SessionHarness] | None] = None

    @each_case(SESSION)
    def test_case(self, case: Case[SessionBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(SESSION, case, harness_of(self, pytestconfig))


class StateStoreContract:
    """Subclass it and set *harness* to your subclass of `StateStoreHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], StateStoreHarness] | None] = None

    @each_case(STATE_STORE)
    def test_case(self, case: Case[StateStoreBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(STATE_STORE, case, harness_of(self, pytestconfig))


class TestSession(SessionContract):
    """Take the harness from the command line."""
