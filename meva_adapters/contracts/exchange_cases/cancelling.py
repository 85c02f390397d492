"""Prove that a cancel ends what it should, tells the truth about it, and touches nothing of other people's."""

from __future__ import annotations

from meva_adapters.contracts.case import CaseList, expect_equal, expect_true
from meva_adapters.contracts.exchange_bench import ExchangeBench, described, first_of, name_of
from meva_adapters.contracts.exchange_harness import Mishap, Request
from meva_adapters.contracts.promises import (
    CANCEL,
    CANCEL_ALL,
    NO_ANSWER,
    NOT_OPEN,
    NOT_UNDERSTOOD,
    OTHERS_STAY,
    SETTLES,
)
from meva_core.events import CancelRefused, OrderCanceled, RequestFailed
from meva_core.ports.exchange import Capability

CANCELLING: CaseList[ExchangeBench] = CaseList()
case = CANCELLING.case


@case("EX-40", "cancel of a resting order", promise=CANCEL)
async def cancel_resting(bench: ExchangeBench) -> None:
    """Tell that it is canceled; it rests no more."""
    order = await bench.resting()
    canceled = first_of(await bench.cancel(order), OrderCanceled)

    expect_equal(name_of(order), canceled.client_order_id, "the order that was canceled")
    expect_equal([False], [each.is_open for each in bench.orders_named(order)], "open at the venue")


@case("EX-41", "cancel of an order that never was", promise=NOT_OPEN)
async def cancel_nothing(bench: ExchangeBench) -> None:
    """Tell that the venue refused; nothing is said of the order."""
    order = bench.order()
    refused = first_of(await bench.cancel(order), CancelRefused)

    expect_equal(name_of(order), refused.client_order_id, "the order of which the refusal speaks")


@case("EX-42", "fill before the cancel arrives", promise=NOT_OPEN)
async def cancel_after_fill(bench: ExchangeBench) -> None:
    """Tell that the venue refused, never that it was canceled: the order filled."""
    order = await bench.resting()
    await bench.harness.execute(name_of(order), order.request.quantity)
    first_of(await bench.cancel(order), CancelRefused)

    expect_equal(order.request.quantity, bench.orders_named(order)[0].filled_quantity, "filled at the venue")


@case("EX-43", "partial fill, then cancel", promise=CANCEL)
async def cancel_the_rest(bench: ExchangeBench) -> None:
    """Tell that it is canceled; what was filled stays filled and is told when asked for."""
    order = await bench.resting()
    part = order.request.quantity / 4
    await bench.harness.execute(name_of(order), part)
    first_of(await bench.cancel(order), OrderCanceled)

    answer = await bench.query(order)
    expect_equal(part, sum(fill.quantity for fill in answer.fills), "the sum of the fills that are told")
    expect_equal((part, False), _end_of(bench, name_of(order)), "filled and open at the venue")


@case("EX-44", "lost answer to a cancel", promise=NO_ANSWER)
async def lost_cancel(bench: ExchangeBench) -> None:
    """Fail, and send it once: the next look says what became of it."""
    await _cancel_fails(bench, Mishap.ANSWER_LOST)


@case("EX-45", "server error on a cancel", promise=NO_ANSWER)
async def failed_cancel(bench: ExchangeBench) -> None:
    """Fail: the server may have acted or not."""
    await _cancel_fails(bench, Mishap.ERROR_AFTER)


@case("EX-46", "second cancel", promise=SETTLES, needs=[Capability.CANCEL_SETTLES])
async def cancel_twice(bench: ExchangeBench) -> None:
    """Be refused by the engine: the order is not open."""
    order = await bench.resting()
    await bench.cancel(order)
    first_of(await bench.cancel(order), CancelRefused)

    expect_equal([False], [each.is_open for each in bench.orders_named(order)], "open at the venue")


@case("EX-47", "cancel all", promise=CANCEL_ALL)
async def cancel_all(bench: ExchangeBench) -> None:
    """End every order of ours, with one event for each."""
    orders = [await bench.resting() for _ in range(3)]
    events = await bench.cancel_all()

    told = sorted(event.client_order_id for event in events if isinstance(event, OrderCanceled))
    expect_equal(sorted(map(name_of, orders)), told, "the orders that are told as canceled")
    expect_equal(len(orders), len(events), "events")
    expect_true(not any(each.is_open for each in bench.harness.orders()), "nothing rests at the venue")


@case("EX-48", "cancel all beside other people's orders", promise=OTHERS_STAY)
async def cancel_only_ours(bench: ExchangeBench) -> None:
    """End our order alone; a person's order in the same account stays, and is not told of."""
    order = await bench.resting()
    theirs = bench.harness.foreign_id(1)
    await bench.harness.place_by_hand(theirs, quantity=bench.quantity, price=bench.resting_price)
    events = await bench.cancel_all()

    still_open = [each.client_order_id for each in bench.harness.orders() if each.is_open]
    expect_equal([theirs], still_open, "the orders that still rest")
    told = [event.client_order_id for event in events if isinstance(event, OrderCanceled)]
    expect_equal([name_of(order)], told, "the orders that are told as canceled")


@case("EX-49", "cancel all with nothing open", promise=CANCEL_ALL)
async def cancel_all_of_nothing(bench: ExchangeBench) -> None:
    """Tell nothing, and fail at nothing."""
    events = await bench.cancel_all()

    expect_equal([], events, "events")


@case("EX-50", "cancel all of one symbol", promise=CANCEL_ALL)
async def cancel_all_of_a_symbol(bench: ExchangeBench) -> None:
    """Leave our orders on other symbols alone."""
    await bench.resting()
    other = await bench.resting_elsewhere()
    await bench.cancel_all(bench.harness.symbol)

    still_open = [each.client_order_id for each in bench.harness.orders() if each.is_open]
    expect_equal([name_of(other)], still_open, "the orders that still rest")


@case("EX-51", "cancel all that fails in part", promise=CANCEL_ALL)
async def cancel_all_in_part(bench: ExchangeBench) -> None:
    """Tell what is done and that something failed; call nothing canceled that still rests."""
    for _ in range(3):
        await bench.resting()
    await bench.trouble(Mishap.ERROR_BEFORE, Request.CANCEL)
    events = await bench.cancel_all()

    still_open = {each.client_order_id for each in bench.harness.orders() if each.is_open}
    told = {event.client_order_id for event in events if isinstance(event, OrderCanceled)}
    expect_equal([], sorted(still_open & told), "orders that rest and are told as canceled")
    failed = any(isinstance(event, RequestFailed) for event in events)
    expect_true(failed or not still_open, f"what still rests is told as a failure: {described(events)}")


@case("EX-52", "malformed answer to a cancel", promise=NOT_UNDERSTOOD)
async def malformed_cancel(bench: ExchangeBench) -> None:
    """Fail: what was not understood ended no order."""
    await _cancel_fails(bench, Mishap.GARBAGE)


@case("EX-53", "cancel answered for another order", promise=NOT_UNDERSTOOD)
async def other_cancel(bench: ExchangeBench) -> None:
    """Fail: nothing was said of this order."""
    await _cancel_fails(bench, Mishap.OTHER_ORDER)


async def _cancel_fails(bench: ExchangeBench, mishap: Mishap) -> None:
    order = await bench.resting()
    await bench.trouble(mishap, Request.CANCEL)
    failed = first_of(await bench.cancel(order), RequestFailed)

    expect_equal(("cancel", name_of(order)), (failed.request, failed.subject), "what failed")
    expect_equal(1, bench.harness.sent(Request.CANCEL), "requests that cancel")


def _end_of(bench: ExchangeBench, name: str) -> tuple[object, bool]:
    [held] = [each for each in bench.harness.orders() if each.client_order_id == name]
    return held.filled_quantity, held.is_open
