"""Say on which adapter each case of the exchange contract is proven, and why some are not; the docs show the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

from meva_adapters.contracts.case import Case, Verdict
from meva_adapters.contracts.exchange_harness import ExchangeHarness
from meva_runners.harnesses.binance import VenueHarness
from meva_runners.harnesses.kraken import KrakenHarness
from meva_runners.harnesses.matching import MatchingHarness
from meva_runners.harnesses.simulated import SimulatedHarness


@frozen(kw_only=True)
class Expected:
    """Name a harness, the cases that it cannot bring about, and those about what its adapter does not offer."""

    harness: Callable[[], ExchangeHarness] | None = None
    not_proven: tuple[str, ...] = ()
    not_declared: tuple[str, ...] = ()

    def verdict_of(self, case: Case[object]) -> Verdict:
        """Return what must come of *case*."""
        if case.case_id in self.not_proven:
            return Verdict.NOT_PROVEN
        return Verdict.NOT_DECLARED if case.case_id in self.not_declared else Verdict.PROVEN


# It has no wire, no key and no text that could be malformed, and its rules are those it was given.
_NO_WIRE: Final = (
    "EX-12 EX-20 EX-26 EX-27 EX-29 EX-30 EX-31 EX-32 EX-37 EX-52 EX-53 EX-59 EX-60 EX-84 EX-85 EX-86 "
    "EX-90 EX-91 EX-92 EX-93 EX-94 EX-95"
)

# Neither has it a network on which something is lost, a stream but the market's, or other people in its account.
_NO_NETWORK: Final = (
    f"{_NO_WIRE} EX-05 EX-06 EX-07 EX-08 EX-09 EX-10 EX-11 EX-13 EX-14 EX-28 EX-36 EX-44 EX-45 EX-48 EX-51 EX-57 EX-58 "
    "EX-67 EX-68 EX-80 EX-81 EX-82 EX-83 EX-87"
)

ADAPTERS: Final = {
    "simulated": Expected(
        harness=SimulatedHarness,
        not_proven=tuple(_NO_WIRE.split()),
        not_declared=("EX-39", "EX-96"),
    ),
    "in process": Expected(
        harness=MatchingHarness,
        not_proven=tuple(_NO_NETWORK.split()),
        not_declared=("EX-19", "EX-33", "EX-34", "EX-35", "EX-39", "EX-46", "EX-96"),
    ),
    "Binance": Expected(harness=VenueHarness, not_declared=("EX-39", "EX-96")),
    # Its answers to an order and a cancel name neither the order nor a status.
    "Kraken": Expected(
        harness=KrakenHarness,
        not_proven=("EX-32", "EX-53"),
        not_declared=("EX-17", "EX-39", "EX-46"),
    ),
}

# Orders are asked for through ccxt, not listened to; it has no word for what a key may do; it stamps requests itself.
_NO_STREAM: Final = (
    *("EX-80", "EX-81", "EX-82", "EX-83", "EX-84", "EX-85", "EX-86", "EX-87"),
    *("EX-94", "EX-95"),
)
_NOT_STATED: Final = ("EX-19", "EX-33", "EX-34", "EX-35", "EX-39", "EX-96")

# By the name in `meva_runners.harnesses.ccxt_binance`; they run where ccxt is installed.
CCXT: Final = {
    "harness": Expected(not_proven=_NO_STREAM, not_declared=_NOT_STATED),
    "weakest": Expected(
        not_proven=_NO_STREAM, not_declared=(*_NOT_STATED, "EX-03", "EX-16", "EX-17", "EX-18", "EX-46")
    ),
}
