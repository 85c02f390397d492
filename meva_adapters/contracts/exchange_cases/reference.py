"""Prove that rules, clock and account are the venue's own, and that a failure is an error with its reason."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final

from meva_adapters.contracts.case import (
    CaseList,
    ContractBreachError,
    NotProvenError,
    expect_equal,
    expect_true,
)
from meva_adapters.contracts.exchange_bench import ExchangeBench
from meva_adapters.contracts.exchange_harness import Mishap
from meva_adapters.contracts.promises import FACTS, MEASURED, REFUSED_OR_UNKNOWN, RULES, STATED
from meva_core.errors import MevaError, NotSupported, VenueRefusedError, VenueUnknownError
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.ports.exchange import AccountFacts, Capability

REFERENCE: CaseList[ExchangeBench] = CaseList()
case = REFERENCE.case
_LARGER: Final = 1_000
_AHEAD_MS: Final = 5_000
_SWITCH_S: Final = 1


@case("EX-90", "rules of a market", promise=RULES)
async def rules(bench: ExchangeBench) -> None:
    """Tell grid and limits as the venue has them."""
    [told] = await bench.harness.reference().instruments([bench.harness.symbol])
    true = bench.harness.instrument()

    for name in ("symbol", "base", "quote", "tick_size", "lot_size", "min_quantity", "min_notional"):
        expect_equal(getattr(true, name), getattr(told, name), name)


@case("EX-91", "rules of an unknown symbol", promise=REFUSED_OR_UNKNOWN)
async def unknown_symbol(bench: ExchangeBench) -> None:
    """Raise that the venue refused."""
    await _raises(bench.harness.reference().instruments(["NOSUCH/COIN"]), VenueRefusedError)


@case("EX-92", "venue's clock", promise=MEASURED)
async def clock(bench: ExchangeBench) -> None:
    """Measure how far the venue's clock is ahead of ours."""
    await bench.trouble(Mishap.CLOCK_OFFSET, amount=_AHEAD_MS)
    measured = await bench.harness.reference().measure_clock()

    off_ns = abs(measured.offset_ns - _AHEAD_MS * NS_PER_MS)
    expect_true(off_ns < NS_PER_SECOND, f"{measured.offset_ns} is {_AHEAD_MS} ms but for the round trip")


@case("EX-93", "rules that changed", promise=RULES)
async def new_rules(bench: ExchangeBench) -> None:
    """Tell the rules in force, not those of before."""
    reference = bench.harness.reference()
    [before] = await reference.instruments([bench.harness.symbol])
    await bench.trouble(Mishap.NEW_FILTERS, amount=_LARGER)
    [after] = await reference.instruments([bench.harness.symbol])

    expect_equal(before.min_quantity * _LARGER, after.min_quantity, "the smallest quantity")


@case("EX-94", "account behind the key", promise=FACTS)
async def facts(bench: ExchangeBench) -> None:
    """Tell whose it is and what it may do."""
    told = await _facts(bench)

    expect_true(told.account_id, "the account has an id")
    expect_true(told.can_trade, "the key may trade")


@case("EX-95", "reference without a venue or a key", promise=REFUSED_OR_UNKNOWN)
async def failures(bench: ExchangeBench) -> None:
    """Raise a refusal for a key that is not known, and an unknown outcome for a venue that is down."""
    await bench.trouble(Mishap.KEY_UNKNOWN)
    await _raises(_facts(bench), VenueRefusedError)
    await bench.trouble(Mishap.DOWN)
    await _raises(bench.harness.reference().measure_clock(), VenueUnknownError)


@case("EX-96", "dead-man switch", promise=STATED, needs=[Capability.DEAD_MAN_SWITCH])
async def dead_man_switch(bench: ExchangeBench) -> None:
    """Let the venue cancel everything when the switch was not armed again in time."""
    await bench.resting()
    await bench.harness.arm_dead_man_switch(_SWITCH_S)

    expect_true(not any(each.is_open for each in bench.harness.orders()), "nothing rests at the venue")


async def _facts(bench: ExchangeBench) -> AccountFacts:
    try:
        return await bench.harness.reference().account_facts()
    except NotSupported as error:
        raise NotProvenError(error.capability) from error


async def _raises(asked: Awaitable[Any], kind: type[MevaError]) -> None:
    try:
        answer = await asked
    except kind:
        return
    raise ContractBreachError(f"expected {kind.__name__}, got the answer {answer}")
