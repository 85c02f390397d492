"""Run the metrics contract under pytest: subclass `MetricsContract`, or name a harness by `--adapter`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from meva_adapters.contracts.case import Case
from meva_adapters.contracts.metrics_kit import METRICS, MetricsBench, MetricsHarness
from meva_adapters.contracts.pytest_cases import each_case, harness_of, verify_case


class MetricsContract:
    """Subclass it and set *harness* to your subclass of `MetricsHarness`; pytest runs every case."""

    harness: ClassVar[Callable[[], MetricsHarness] | None] = None

    @each_case(METRICS)
    def test_case(self, case: Case[MetricsBench], pytestconfig: pytest.Config) -> None:
        """Prove one case on a harness of its own."""
        verify_case(METRICS, case, harness_of(self, pytestconfig))


class TestMetrics(MetricsContract):
    """Take the harness from the command line."""
