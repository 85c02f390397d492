"""Prove that executions are told as they were: exactly, with their fees, once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import attrs

from meva_adapters.contracts.case import CaseList, ContractBreachError, expect_equal, expect_true
from meva_adapters.contracts.exchange_bench import ExchangeBench, fills_of, name_of
from meva_adapters.contracts.promises import EXACT, FEE, FILL, LIQUIDITY, PLACE, QUERY
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.money import quantise_down
from meva_core.model.order import OrderStatus

FILLS: CaseList[ExchangeBench] = CaseList()
case = FILLS.case
_CROSSING: Final = Decimal("0.98")


@case("EX-70", "fees of a purchase", promise=FEE)
async def fees_of_a_buy(bench: ExchangeBench) -> None:
    """Tell every digit of them, and their asset."""
    await bench.bought()

    await _told_as_they_were(bench)


@case("EX-71", "fees of a sale", promise=FEE)
async def fees_of_a_sale(bench: ExchangeBench) -> None:
    """Tell every digit of them, and their asset, which may be another than that of a purchase."""
    price = quantise_down(bench.harness.quote()[0] * _CROSSING, bench.harness.instrument().tick_size)
    await bench.bought(side=Side.SELL, price=price)

    await _told_as_they_were(bench)


@case("EX-72", "fills that come with the answer", promise=PLACE)
async def fills_of_the_answer(bench: ExchangeBench) -> None:
    """Tell no fill that is no trade of the venue, and each as the trade is."""
    order = bench.order(price=bench.crossing_price)
    told = [_facts(event.fill) for event in fills_of(await bench.place(order))]
    await bench.harness.settle()

    _no_more_than(list(map(_facts, bench.harness.trades())), told)


@case("EX-73", "no fill without a trade", promise=FILL)
async def no_fill(bench: ExchangeBench) -> None:
    """Tell no fill of an order that rests, however often it is asked for."""
    order = bench.order()
    placed = fills_of(await bench.place(order))
    answer, state = await bench.query(order), await bench.observe()

    expect_equal(([], (), ()), (placed, answer.fills, state.fills), "fills of placing, query and look")


@case("EX-74", "partial fills", promise=QUERY)
async def partial_fills(bench: ExchangeBench) -> None:
    """Tell each, and their sum as what is filled."""
    order = await bench.resting()
    quarter = order.request.quantity / 4
    for part in (quarter, quarter * 2):
        await bench.harness.execute(name_of(order), part)
    answer = await bench.query(order)

    if answer.order is None:
        raise ContractBreachError("the order is partly filled, and the query finds none")
    expect_equal(
        (OrderStatus.PARTIALLY_FILLED.value, quarter * 3),
        (answer.order.status, answer.order.filled_quantity),
        "status and filled quantity",
    )
    expect_equal(quarter * 3, sum(fill.quantity for fill in answer.fills), "the sum of the fills")
    await _told_as_they_were(bench)


@case("EX-75", "maker and taker", promise=LIQUIDITY)
async def maker_and_taker(bench: ExchangeBench) -> None:
    """Tell which of two trades rested and which crossed."""
    await bench.bought()
    order = await bench.resting()
    await bench.harness.execute(name_of(order), order.request.quantity)

    told = {fill.client_order_id == name_of(order): fill.liquidity for fill in (await bench.observe()).fills}
    expect_equal({False: Liquidity.TAKER, True: Liquidity.MAKER}, told, "liquidity, by whether it rested")


@case("EX-76", "no binary fraction anywhere", promise=EXACT)
async def no_float(bench: ExchangeBench) -> None:
    """Hold every amount as Decimal and every time as whole nanoseconds."""
    order = bench.order(price=bench.crossing_price)
    events = [*await bench.place(order)]
    await bench.harness.settle()
    resting = await bench.resting()
    events += [await bench.query(order), await bench.query(resting), await bench.observe()]
    events += await bench.cancel(resting)

    floats = [f"{type(event).__name__}: {value}" for event in events for value in _floats(event)]
    expect_equal([], floats, "binary fractions in events")
    times = [event.time_ns for event in events]
    expect_true(all(type(time_ns) is int for time_ns in times), f"times are whole: {times}")


@case("EX-77", "one trade, one id, wherever it is told", promise=FILL)
async def one_id(bench: ExchangeBench) -> None:
    """Give a trade the same id in the answer, the query and the look, and list none twice."""
    order = bench.order(price=bench.crossing_price)
    placed = [event.fill for event in fills_of(await bench.place(order))]
    await bench.harness.settle()
    asked, seen = (await bench.query(order)).fills, (await bench.observe()).fills

    true = [trade.trade_id for trade in bench.harness.trades()]
    for fills in (asked, seen):
        expect_equal(true, [fill.trade_id for fill in fills], "ids of the trades")
    _no_more_than(true, [fill.trade_id for fill in placed])


async def _told_as_they_were(bench: ExchangeBench) -> None:
    true = list(map(_facts, bench.harness.trades()))
    expect_true(true, "the venue executed something")
    expect_equal(true, list(map(_facts, (await bench.observe()).fills)), "trades")


def _facts(fill: Fill) -> dict[str, Any]:
    """Return *fill* by field; when it was is told by its answer in whatever grain the venue has."""
    return {name: value for name, value in attrs.asdict(fill).items() if name != "venue_time_ns"}


def _no_more_than(true: list[Any], told: list[Any]) -> None:
    invented = [each for each in told if each not in true]
    expect_equal([], invented, "what is told and never was")
    expect_true(all(told.count(each) == 1 for each in told), f"each is told once: {told}")


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif attrs.has(type(value)):
        for name in attrs.fields_dict(type(value)):
            yield from _floats(getattr(value, name))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for each in value:
            yield from _floats(each)
