"""Prove what an adapter says when the network or the venue fails under an order: sent once, and nothing concluded."""

from __future__ import annotations

from meva_adapters.contracts.case import CaseList, expect_equal, expect_true
from meva_adapters.contracts.exchange_bench import ExchangeBench, first_of, name_of
from meva_adapters.contracts.exchange_harness import Mishap, Request
from meva_adapters.contracts.promises import NO_RAISE, ONCE, ONLY_REFUSALS
from meva_core.commands import PlaceOrder
from meva_core.events import OrderDropped, OrderOutcomeUnknown, RequestFailed

LOST: CaseList[ExchangeBench] = CaseList()
case = LOST.case


@case("EX-05", "lost request", promise=ONCE)
async def lost_request(bench: ExchangeBench) -> None:
    """Call the outcome unknown; send nothing again."""
    await _unknown(bench, Mishap.REQUEST_LOST, orders=0)


@case("EX-06", "lost response, order rests", promise=ONCE)
async def lost_response(bench: ExchangeBench) -> None:
    """Call the outcome unknown; the one order is found when asked for."""
    order = await _unknown(bench, Mishap.ANSWER_LOST, orders=1)

    found = (await bench.query(order)).order
    expect_true(found is not None, "the query finds the order")


@case("EX-07", "lost response, order filled", promise=ONCE)
async def lost_response_of_a_fill(bench: ExchangeBench) -> None:
    """Call the outcome unknown; one order filled, and its trades are found when asked for."""
    order = await _unknown(bench, Mishap.ANSWER_LOST, orders=1, crossing=True)

    answer = await bench.query(order)
    told = [fill.trade_id for fill in answer.fills if fill.client_order_id == name_of(order)]
    expect_equal(
        [trade.trade_id for trade in bench.harness.trades()], told, "the trades that the query tells"
    )
    expect_equal(
        order.request.quantity, sum(trade.quantity for trade in bench.harness.trades()), "bought in all"
    )


@case("EX-08", "silence, order not placed", promise=ONLY_REFUSALS)
async def silence_before(bench: ExchangeBench) -> None:
    """End the wait; call the outcome unknown."""
    await _unknown(bench, Mishap.SILENCE_BEFORE, orders=0)


@case("EX-09", "silence, order placed", promise=ONLY_REFUSALS)
async def silence_after(bench: ExchangeBench) -> None:
    """End the wait; call the outcome unknown; send nothing again."""
    await _unknown(bench, Mishap.SILENCE_AFTER, orders=1)


@case("EX-10", "server error, order not placed", promise=ONLY_REFUSALS)
async def error_before(bench: ExchangeBench) -> None:
    """Call the outcome unknown: a server that fails does not say whether it acted."""
    await _unknown(bench, Mishap.ERROR_BEFORE, orders=0)


@case("EX-11", "server error, order placed", promise=ONLY_REFUSALS)
async def error_after(bench: ExchangeBench) -> None:
    """Call the outcome unknown, never rejected: the order is there."""
    await _unknown(bench, Mishap.ERROR_AFTER, orders=1)


@case("EX-12", "redirect", promise=ONCE)
async def redirect(bench: ExchangeBench) -> None:
    """Follow no redirect with an order: it would be a second request."""
    order = bench.order()
    await bench.trouble(Mishap.REDIRECT, Request.PLACE)
    first_of(await bench.place(order), OrderOutcomeUnknown)

    expect_equal(1, bench.harness.sent(Request.PLACE), "requests that place")


@case("EX-13", "connection breaks under a cancel", promise=NO_RAISE)
async def broken_cancel(bench: ExchangeBench) -> None:
    """Fail, and send the cancel once: a client library may repeat what it thinks is harmless."""
    order = await bench.resting()
    await bench.trouble(Mishap.REQUEST_LOST, Request.CANCEL)
    failed = first_of(await bench.cancel(order), RequestFailed)

    expect_equal(("cancel", name_of(order)), (failed.request, failed.subject), "what failed")
    expect_equal(1, bench.harness.sent(Request.CANCEL), "requests that cancel")


@case("EX-14", "venue down", promise=NO_RAISE)
async def venue_down(bench: ExchangeBench) -> None:
    """Drop the order or call its outcome unknown; every question and cancel fails."""
    order = await bench.resting()
    await bench.trouble(Mishap.DOWN)
    [event] = await bench.place(bench.order())

    expect_true(isinstance(event, OrderDropped | OrderOutcomeUnknown), "the order is not called refused")
    failed = await bench.failing(order)
    expect_equal(list(failed), [each.request for each in failed.values()], "the requests that failed")


async def _unknown(
    bench: ExchangeBench, mishap: Mishap, *, orders: int, crossing: bool = False
) -> PlaceOrder:
    """Place an order that meets *mishap*: its outcome is unknown, one request left, and *orders* came about."""
    order = bench.order(price=bench.crossing_price if crossing else bench.resting_price)
    await bench.trouble(mishap, Request.PLACE)
    events = await bench.place(order)
    await bench.harness.settle()

    expect_equal(["OrderOutcomeUnknown"], [type(event).__name__ for event in events], "what is told")
    expect_equal(orders, len(bench.orders_named(order)), "orders of that name at the venue")
    expect_equal(1, bench.harness.sent(Request.PLACE), "requests that place")
    return order
