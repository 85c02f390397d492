"""Prove what an adapter makes of a venue's refusals, and of answers that it cannot understand."""

from __future__ import annotations

from decimal import Decimal

from meva_adapters.contracts.case import (
    CaseList,
    ContractBreachError,
    NotProvenError,
    expect_equal,
    expect_true,
)
from meva_adapters.contracts.exchange_bench import ExchangeBench, first_of
from meva_adapters.contracts.exchange_harness import Mishap, Request
from meva_adapters.contracts.promises import (
    IDS,
    KINDS,
    LEFT_ALONE,
    NO_RAISE,
    NOT_UNDERSTOOD,
    REJECTED,
    STAMP,
    STATED,
)
from meva_core.commands import PlaceOrder
from meva_core.errors import NotSupported
from meva_core.events import Event, OrderAcknowledged, OrderDropped, OrderOutcomeUnknown, OrderRejected
from meva_core.model.money import quantise_down
from meva_core.model.order import TimeInForce
from meva_core.ports.exchange import ORDER_KINDS, Capability, VenueCapabilities

REFUSED: CaseList[ExchangeBench] = CaseList()
case = REFUSED.case
_LONG_S = 30
_LARGER = 1_000_000
_NS_PER_MS = 1_000_000
_FAR_OFF_MS = 90_000
_SECOND_MS = 1_000


@case("EX-22", "price off the grid", promise=REJECTED)
async def off_grid(bench: ExchangeBench) -> None:
    """Reject it or drop it, and never round it; nothing comes about."""
    half_tick = bench.harness.instrument().tick_size / 2
    await _never_comes_about(bench, bench.order(price=bench.resting_price + half_tick))


@case("EX-23", "order too small", promise=REJECTED)
async def too_small(bench: ExchangeBench) -> None:
    """Reject it or drop it, and never enlarge it; nothing comes about."""
    instrument = bench.harness.instrument()
    if instrument.lot_size * bench.resting_price >= instrument.min_notional:
        raise NotProvenError("market in which one lot is too small an order")
    await _never_comes_about(bench, bench.order(quantity=instrument.lot_size))


@case("EX-24", "order that the account cannot pay", promise=REJECTED)
async def unfunded(bench: ExchangeBench) -> None:
    """Reject it, with the venue's code; nothing comes about."""
    instrument = bench.harness.instrument()
    free = bench.harness.balances()[instrument.quote][0]
    too_much = quantise_down(free * 2 / bench.resting_price, instrument.lot_size)
    await _is_refused(bench, bench.order(quantity=too_much))


@case("EX-25", "unknown symbol", promise=REJECTED)
async def unknown_symbol(bench: ExchangeBench) -> None:
    """Reject or drop it; nothing comes about."""
    await _never_comes_about(bench, bench.order(symbol="NOSUCH/COIN"))


@case("EX-26", "unknown key", promise=NO_RAISE)
async def unknown_key(bench: ExchangeBench) -> None:
    """Reject the order; every question and cancel fails."""
    order = await bench.resting()
    await bench.trouble(Mishap.KEY_UNKNOWN)
    await _is_refused(bench, bench.order())

    failed = await bench.failing(order)
    expect_equal(list(failed), [each.request for each in failed.values()], "the requests that failed")


@case("EX-27", "key without permission to trade", promise=REJECTED)
async def read_only_key(bench: ExchangeBench) -> None:
    """Reject the order, with the venue's code."""
    await bench.trouble(Mishap.KEY_READ_ONLY)
    await _is_refused(bench, bench.order())


@case("EX-28", "halted market", promise=REJECTED)
async def halted(bench: ExchangeBench) -> None:
    """Reject the order, with the venue's code."""
    await bench.trouble(Mishap.HALT)
    await _is_refused(bench, bench.order())


@case("EX-29", "filters changed since the rules were read", promise=REJECTED)
async def new_filters(bench: ExchangeBench) -> None:
    """Reject what was right a moment ago, with the venue's code."""
    await bench.resting()
    await bench.trouble(Mishap.NEW_FILTERS, amount=_LARGER)
    await _is_refused(bench, bench.order())


@case("EX-30", "malformed answer to an order", promise=NOT_UNDERSTOOD)
async def malformed(bench: ExchangeBench) -> None:
    """Call the outcome unknown: the order is there."""
    await _is_unknown(bench, Mishap.GARBAGE)


@case("EX-31", "answer that speaks of another order", promise=NOT_UNDERSTOOD)
async def other_order(bench: ExchangeBench) -> None:
    """Call the outcome unknown: nothing was said of this order."""
    await _is_unknown(bench, Mishap.OTHER_ORDER)


@case("EX-32", "unknown status in the answer", promise=NOT_UNDERSTOOD)
async def unknown_status(bench: ExchangeBench) -> None:
    """Call the outcome unknown: a word that nobody knows ends no order and opens none."""
    await _is_unknown(bench, Mishap.UNKNOWN_STATUS)


@case("EX-33", "stamp before the window", promise=STAMP, needs=[Capability.REQUEST_WINDOW])
async def too_late(bench: ExchangeBench) -> None:
    """Send the stamp of the decision, so that the venue refuses what comes too late."""
    window_ms = bench.adapter.capabilities.request_window_ms or 0
    old_ns = bench.harness.now_ns() - (window_ms + _SECOND_MS) * _NS_PER_MS
    await _is_refused(bench, bench.order(stamp_ns=old_ns))


@case("EX-34", "stamp within the window", promise=STAMP, needs=[Capability.REQUEST_WINDOW])
async def in_time(bench: ExchangeBench) -> None:
    """Take what comes late, but within the window."""
    window_ms = bench.adapter.capabilities.request_window_ms or 0
    await bench.resting(stamp_ns=bench.harness.now_ns() - window_ms * _NS_PER_MS // 2)

    expect_equal(1, len(bench.harness.orders()), "orders at the venue")


@case("EX-35", "clock 90 s off", promise=STAMP, needs=[Capability.REQUEST_WINDOW])
async def wrong_clock(bench: ExchangeBench) -> None:
    """Let an order be refused whose stamp comes from a clock that is wrong; the window is never widened."""
    await bench.trouble(Mishap.CLOCK_OFFSET, amount=_FAR_OFF_MS)
    order = bench.order()
    first_of(await bench.place(order), OrderRejected)

    expect_equal([], bench.orders_named(order), "orders at the venue")


@case("EX-36", "rate limit", promise=LEFT_ALONE)
async def rate_limit(bench: ExchangeBench) -> None:
    """Let nothing leave before the time that the venue named."""
    await _is_left_alone(bench, Mishap.RATE_LIMIT)


@case("EX-37", "ban", promise=LEFT_ALONE)
async def ban(bench: ExchangeBench) -> None:
    """Let nothing leave before the ban ends."""
    await _is_left_alone(bench, Mishap.BAN)


@case("EX-38", "what is not declared", promise=KINDS)
async def not_declared(bench: ExchangeBench) -> None:
    """Raise `NotSupported` for each capability that is not declared; no such order leaves."""
    capabilities = bench.adapter.capabilities
    missing = [each for each in Capability if each not in capabilities.declared]
    if not missing:
        raise NotProvenError("capability that is not declared")
    silent = [each for each in missing if not _is_refused_by(capabilities, each)]
    expect_equal([], silent, f"what is required in vain, and nothing is said; {STATED}")
    for kind in ORDER_KINDS:
        if kind in missing:
            await _raises(bench, kind)
    expect_equal(0, bench.harness.sent(Request.PLACE), "requests that place")


@case("EX-39", "same name after the first ended", promise=IDS, needs=[Capability.UNIQUE_IDS])
async def name_for_ever(bench: ExchangeBench) -> None:
    """Let no second order of a name come about, whatever became of the first."""
    first = await bench.bought(number=7)
    events = await bench.place(bench.order(number=7))

    expect_true(not isinstance(events[0], OrderAcknowledged), "the second is not acknowledged")
    expect_equal(1, len(bench.orders_named(first)), "orders of that name")


def _is_refused_by(capabilities: VenueCapabilities, capability: Capability) -> bool:
    try:
        capabilities.require(capability)
    except NotSupported:
        return True
    return False


async def _is_refused(bench: ExchangeBench, order: PlaceOrder) -> None:
    before = len(bench.harness.orders())
    rejected = first_of(await bench.place(order), OrderRejected)

    expect_true(rejected.code and rejected.reason, f"code and reason of the venue are told: {rejected}")
    expect_equal(before, len(bench.harness.orders()), "orders at the venue")


async def _never_comes_about(bench: ExchangeBench, order: PlaceOrder) -> None:
    [event] = await bench.place(order)

    expect_true(isinstance(event, OrderRejected | OrderDropped), f"it is refused, not {event}")
    expect_equal([], list(bench.harness.orders()), "orders at the venue")


async def _is_unknown(bench: ExchangeBench, mishap: Mishap) -> None:
    order = bench.order()
    await bench.trouble(mishap, Request.PLACE)
    events: list[Event] = await bench.place(order)

    expect_equal(["OrderOutcomeUnknown"], [type(event).__name__ for event in events], "what is told")
    expect_equal(1, len(bench.orders_named(order)), "orders of that name at the venue")
    expect_equal(1, bench.harness.sent(Request.PLACE), "requests that place")


async def _is_left_alone(bench: ExchangeBench, mishap: Mishap) -> None:
    order = await bench.resting()
    await bench.trouble(mishap, Request.PLACE, _LONG_S)
    [limited] = await bench.place(bench.order())
    expect_true(isinstance(limited, OrderRejected | OrderOutcomeUnknown), f"a limit ends no order: {limited}")

    before = sum(map(bench.harness.sent, Request))
    first_of(await bench.place(bench.order()), OrderDropped)
    await bench.failing(order)
    expect_equal(before, sum(map(bench.harness.sent, Request)), "requests in all, during the limit")


async def _raises(bench: ExchangeBench, kind: Capability) -> None:
    price: Decimal | None = bench.resting_price
    asked = {
        Capability.MARKET_ORDERS: bench.order(price=None),
        Capability.IMMEDIATE_OR_CANCEL: bench.order(time_in_force=TimeInForce.IOC),
        Capability.FILL_OR_KILL: bench.order(time_in_force=TimeInForce.FOK),
        Capability.POST_ONLY: bench.order(price=price, post_only=True),
    }
    try:
        events = await bench.adapter.place(asked[kind])
    except NotSupported:
        return
    raise ContractBreachError(f"{kind} is not declared, and placing such an order gives {list(events)}")
