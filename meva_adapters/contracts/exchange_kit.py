"""Put the exchange contract together: its cases in the order of their numbers."""

from __future__ import annotations

from typing import Final

from meva_adapters.contracts.case import Kit
from meva_adapters.contracts.exchange_bench import ExchangeBench, opened
from meva_adapters.contracts.exchange_cases.lost import LOST
from meva_adapters.contracts.exchange_cases.placing import PLACING

_CASES = [*PLACING.cases, *LOST.cases]
EXCHANGE: Final[Kit[ExchangeBench]] = Kit(
    port="exchange",
    cases=tuple(sorted(_CASES, key=lambda case: case.case_id)),
    opened=opened,
    declared=lambda bench: bench.adapter.capabilities.declared,
)
