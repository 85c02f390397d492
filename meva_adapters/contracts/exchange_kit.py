"""Put the exchange contract together: its cases in the order of their numbers."""

from __future__ import annotations

from typing import Final

from meva_adapters.contracts.case import Kit
from meva_adapters.contracts.exchange_bench import ExchangeBench, opened
from meva_adapters.contracts.exchange_cases.asking import ASKING
from meva_adapters.contracts.exchange_cases.cancelling import CANCELLING
from meva_adapters.contracts.exchange_cases.fills import FILLS
from meva_adapters.contracts.exchange_cases.lost import LOST
from meva_adapters.contracts.exchange_cases.placing import PLACING
from meva_adapters.contracts.exchange_cases.reference import REFERENCE
from meva_adapters.contracts.exchange_cases.refused import REFUSED
from meva_adapters.contracts.exchange_cases.streams import STREAMS

_LISTS = (PLACING, LOST, REFUSED, CANCELLING, ASKING, FILLS, STREAMS, REFERENCE)
_CASES = [case for each in _LISTS for case in each.cases]
EXCHANGE: Final[Kit[ExchangeBench]] = Kit(
    port="exchange",
    cases=tuple(sorted(_CASES, key=lambda case: case.case_id)),
    opened=opened,
    declared=lambda bench: bench.adapter.capabilities.declared,
)
