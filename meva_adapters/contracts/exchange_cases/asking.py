"""Prove that an adapter tells the whole truth when it is asked, or says that it has none."""

from __future__ import annotations

from typing import Final

from meva_adapters.contracts.case import CaseList, ContractBreachError, expect_equal, expect_true
from meva_adapters.contracts.exchange_bench import ExchangeBench, described, first_of, name_of
from meva_adapters.contracts.exchange_harness import Mishap, Request
from meva_adapters.contracts.promises import (
    ASKED,
    COMPLETE,
    LAGS,
    NO_ANSWER,
    NONE_OF_THAT_NAME,
    NOT_UNDERSTOOD,
    OBSERVE,
    QUERY,
    SINCE,
)
from meva_core.commands import ObserveVenue, QueryOrder
from meva_core.events import Event, OrderQueryAnswered, RequestFailed
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.order import OrderStatus

ASKING: CaseList[ExchangeBench] = CaseList()
case = ASKING.case
_LAG_MS: Final = 60_000
_MANY: Final = 1_050  # More than a page at any venue that we know of.
_NEAR_NS: Final = 5 * NS_PER_SECOND
_KNOWN: Final = frozenset(status.value for status in OrderStatus)


@case("EX-55", "query of a resting order", promise=QUERY)
async def query_resting(bench: ExchangeBench) -> None:
    """Tell all facts of it as the venue has them."""
    order = await bench.resting()
    answer = await bench.query(order)

    expect_equal(name_of(order), answer.client_order_id, "the order that was asked for")
    seen, request = answer.order, order.request
    if seen is None:
        raise ContractBreachError("the order rests at the venue, and the query finds none")
    expect_equal(
        (name_of(order), request.symbol, request.side, request.quantity, 0, OrderStatus.ACCEPTED.value),
        (seen.client_order_id, seen.symbol, seen.side, seen.quantity, seen.filled_quantity, seen.status),
        "what the query tells",
    )


@case("EX-56", "query of an order that never was", promise=NONE_OF_THAT_NAME)
async def query_nothing(bench: ExchangeBench) -> None:
    """Answer with no order, and with nothing else: it is no proof."""
    order = bench.order()
    events = await bench.adapter.query(QueryOrder(order.request.symbol, name_of(order)))

    answer = first_of(events, OrderQueryAnswered)
    expect_equal((None, ()), (answer.order, answer.fills), "order and fills")
    expect_equal(1, len(events), "events")


@case("EX-57", "query that lags", promise=LAGS)
async def query_lags(bench: ExchangeBench) -> None:
    """Say that the venue named no such order, and conclude nothing: the next answer has it."""
    order = await bench.resting()
    await bench.trouble(Mishap.STALE, Request.FIND_ORDER, _LAG_MS)
    events = await bench.adapter.query(QueryOrder(order.request.symbol, name_of(order)))

    answer = first_of(events, OrderQueryAnswered)
    expect_equal((None, 1), (answer.order, len(events)), "the order, and how many events tell of it")
    expect_equal([True], [each.is_open for each in bench.orders_named(order)], "open at the venue")


@case("EX-58", "query without an answer", promise=NO_ANSWER)
async def query_unanswered(bench: ExchangeBench) -> None:
    """Fail: an order that was not found is another answer than none."""
    for mishap in (Mishap.SILENCE_AFTER, Mishap.ERROR_BEFORE, Mishap.ANSWER_LOST):
        await _query_fails(bench, mishap)


@case("EX-59", "malformed answer to a query", promise=NOT_UNDERSTOOD)
async def query_malformed(bench: ExchangeBench) -> None:
    """Fail: what was not understood is no answer."""
    await _query_fails(bench, Mishap.GARBAGE)


@case("EX-60", "unknown status of an order", promise=NOT_UNDERSTOOD)
async def query_unknown_status(bench: ExchangeBench) -> None:
    """Pass the word on, or fail; never take it for a status that is known."""
    order = await bench.resting()
    await bench.trouble(Mishap.UNKNOWN_STATUS, Request.FIND_ORDER)
    [event] = await bench.adapter.query(QueryOrder(order.request.symbol, name_of(order)))

    if isinstance(event, OrderQueryAnswered) and event.order is not None:
        expect_true(
            event.order.status not in _KNOWN, f"{event.order.status!r} is not made of an unknown word"
        )
    else:
        expect_true(isinstance(event, RequestFailed), f"it fails: {event}")


@case("EX-61", "query of a filled order", promise=QUERY)
async def query_filled(bench: ExchangeBench) -> None:
    """Tell its status, its quantity and its trades."""
    order = await bench.bought()
    answer = await bench.query(order)

    if answer.order is None:
        raise ContractBreachError("the order filled, and the query finds none")
    expect_equal(
        (OrderStatus.FILLED.value, order.request.quantity),
        (answer.order.status, answer.order.filled_quantity),
        "status and filled quantity",
    )
    expect_equal(_true_ids(bench), [fill.trade_id for fill in answer.fills], "ids of the trades")


@case("EX-62", "query of the trades since one", promise=SINCE)
async def query_since(bench: ExchangeBench) -> None:
    """Tell the trades after the one that was named: not itself, and none too few."""
    first, second = await bench.bought(), await bench.bought()
    ids = _true_ids(bench)
    answers = {after: (await bench.query(first, after)).fills for after in ("", *ids)}

    for position, after in enumerate(("", *ids)):
        told = [fill.trade_id for fill in answers[after]]
        expect_equal(ids[position:], told, f"ids of the trades after {after!r}")
    names = {fill.client_order_id for fill in answers[""]}
    expect_equal({name_of(first), name_of(second)}, names, "whose the trades are")


@case("EX-63", "times of an answer", promise=ASKED)
async def times(bench: ExchangeBench) -> None:
    """Tell when the question left, which is never after the answer, and the venue's own time."""
    order = await bench.resting()
    before_ns = bench.harness.now_ns()
    answer, state = await bench.query(order), await bench.observe()
    after_ns = bench.harness.now_ns()

    for asked_ns, time_ns in ((answer.asked_ns, answer.time_ns), (state.asked_ns, state.time_ns)):
        expect_true(
            before_ns <= asked_ns <= time_ns <= after_ns, f"{asked_ns} to {time_ns} is when it was asked"
        )
    for venue_ns in (answer.venue_time_ns, state.venue_time_ns):
        expect_true(abs(venue_ns - after_ns) < _NEAR_NS, f"{venue_ns} is near the venue's time {after_ns}")


@case("EX-65", "everything that the venue holds", promise=OBSERVE)
async def observe(bench: ExchangeBench) -> None:
    """Tell all open orders, trades and balances, as the venue has them."""
    await bench.bought()
    for _ in range(3):
        await bench.resting()
    state = await bench.observe()

    true = [
        (each.client_order_id, each.symbol, each.side, each.quantity, each.filled_quantity)
        for each in bench.harness.orders()
        if each.is_open
    ]
    told = [
        (each.client_order_id, each.symbol, each.side, each.quantity, each.filled_quantity)
        for each in state.open_orders
    ]
    expect_equal(sorted(true), sorted(told), "open orders")
    expect_equal(_true_ids(bench), [fill.trade_id for fill in state.fills], "ids of the trades")
    balances = {asset: (free, locked) for asset, free, locked in state.balances if free or locked}
    expect_equal(bench.harness.balances(), balances, "balances")


@case("EX-66", "trades since one", promise=OBSERVE)
async def observe_since(bench: ExchangeBench) -> None:
    """Tell the trades after the one that was named: not itself, and none too few."""
    for _ in range(2):
        await bench.bought()
    ids = _true_ids(bench)

    for position, after in enumerate(("", *ids)):
        told = [fill.trade_id for fill in (await bench.observe(after)).fills]
        expect_equal(ids[position:], told, f"ids of the trades after {after!r}")


@case("EX-67", "more trades than a page holds", promise=COMPLETE)
async def observe_many(bench: ExchangeBench) -> None:
    """Tell each of them once, in their order."""
    await bench.harness.trade_by_hand(_MANY)
    told = [fill.trade_id for fill in (await bench.observe()).fills]

    expect_equal(len(_true_ids(bench)), len(told), "how many trades")
    expect_equal(_true_ids(bench), told, "ids of the trades")


@case("EX-68", "a part of the answer does not come", promise=COMPLETE)
async def observe_in_part(bench: ExchangeBench) -> None:
    """Fail as a whole, whichever part it is."""
    await bench.resting()
    for part in (Request.OPEN_ORDERS, Request.OWN_TRADES, Request.BALANCES):
        await bench.trouble(Mishap.ERROR_BEFORE, part)
        before = bench.harness.sent(part)
        events: list[Event] = list(
            await bench.adapter.observe(ObserveVenue("contract", ((bench.harness.symbol, ""),)))
        )
        if bench.harness.sent(part) != before:  # An adapter may ask for less, and then nothing was missing.
            expect_equal(["RequestFailed"], [type(each).__name__ for each in events], f"without {part}")


async def _query_fails(bench: ExchangeBench, mishap: Mishap) -> None:
    order = await bench.resting()
    await bench.trouble(mishap, Request.FIND_ORDER)
    events = list(await bench.adapter.query(QueryOrder(order.request.symbol, name_of(order))))

    expect_equal(["RequestFailed"], [type(each).__name__ for each in events], described(events))


def _true_ids(bench: ExchangeBench) -> list[str]:
    return [trade.trade_id for trade in bench.harness.trades()]
