"""Prove that an order arrives as it was meant, once, under our own name."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from meva_adapters.contracts.case import CaseList, expect_equal, expect_true
from meva_adapters.contracts.exchange_bench import ExchangeBench, fills_of, first_of, name_of
from meva_adapters.contracts.exchange_harness import Request
from meva_adapters.contracts.promises import EXACT, IDS, ONCE, PLACE
from meva_core.events import OrderAcknowledged, OrderExpired, OrderRejected
from meva_core.model.order import TimeInForce
from meva_core.ports.exchange import Capability

PLACING: CaseList[ExchangeBench] = CaseList()
case = PLACING.case
_TOGETHER = 10


@case("EX-01", "limit order rests", promise=PLACE)
async def rests(bench: ExchangeBench) -> None:
    """Acknowledge with the venue's id; the venue holds exactly what was sent."""
    order = bench.order()
    acknowledged = first_of(await bench.place(order), OrderAcknowledged)

    expect_true(acknowledged.venue_order_id, "the acknowledgement carries the venue's id")
    [held] = bench.orders_named(order)
    request = order.request
    expect_equal(
        (request.symbol, request.side, request.quantity, request.limit_price, Decimal(0), True),
        (held.symbol, held.side, held.quantity, held.limit_price, held.filled_quantity, held.is_open),
        "the order at the venue",
    )


@case("EX-02", "limit order trades at once", promise=PLACE)
async def trades(bench: ExchangeBench) -> None:
    """Acknowledge first; the venue executes it in full."""
    order = await bench.bought()

    [held] = bench.orders_named(order)
    expect_equal((order.request.quantity, False), (held.filled_quantity, held.is_open), "filled, open")


@case("EX-03", "market order trades", promise=PLACE, needs=[Capability.MARKET_ORDERS])
async def market(bench: ExchangeBench) -> None:
    """Send no price; the venue executes it."""
    order = await bench.bought(price=None)

    [held] = bench.orders_named(order)
    expect_equal(order.request.quantity, held.filled_quantity, "the quantity that was executed")
    expect_equal(order.request.quantity, _sum_of_trades(bench), "the sum of the trades")


@case("EX-04", "one request under our own name", promise=ONCE)
async def own_name(bench: ExchangeBench) -> None:
    """Let the venue know the order by the name that we gave, from one request."""
    order = await bench.resting()

    expect_equal([name_of(order)], [each.client_order_id for each in bench.harness.orders()], "names")
    expect_equal(1, bench.harness.sent(Request.PLACE), "requests that place")


@case("EX-15", "many orders at once", promise=ONCE)
async def many(bench: ExchangeBench) -> None:
    """Place orders together; each is sent once, and each outcome is its own."""
    orders = [bench.order() for _ in range(_TOGETHER)]
    await asyncio.gather(*(bench.place(order) for order in orders))

    names = sorted(each.client_order_id for each in bench.harness.orders())
    expect_equal(sorted(map(name_of, orders)), names, "the orders at the venue")
    expect_equal(_TOGETHER, bench.harness.sent(Request.PLACE), "requests that place")


@case("EX-16", "immediate or cancel, nothing to take", promise=PLACE, needs=[Capability.IMMEDIATE_OR_CANCEL])
async def immediate_or_cancel(bench: ExchangeBench) -> None:
    """Let nothing rest, and nothing be executed."""
    await _ends_unfilled(bench, TimeInForce.IOC)


@case("EX-17", "fill or kill, nothing to take", promise=PLACE, needs=[Capability.FILL_OR_KILL])
async def fill_or_kill(bench: ExchangeBench) -> None:
    """Let nothing rest, and nothing be executed."""
    await _ends_unfilled(bench, TimeInForce.FOK)


@case("EX-18", "post-only order that would take", promise=PLACE, needs=[Capability.POST_ONLY])
async def post_only(bench: ExchangeBench) -> None:
    """Execute nothing: it is rejected, or acknowledged and ended."""
    order = bench.order(price=bench.crossing_price, post_only=True)
    events = await bench.place(order)
    await bench.harness.settle()

    expect_true(
        isinstance(events[0], OrderRejected) or isinstance(events[-1], OrderExpired), "the order ended"
    )
    expect_equal([], list(bench.harness.trades()), "trades")
    expect_true(not any(each.is_open for each in bench.orders_named(order)), "nothing rests")


@case("EX-19", "same name while the first is open", promise=IDS, needs=[Capability.UNIQUE_OPEN_IDS])
async def same_name(bench: ExchangeBench) -> None:
    """Let no second order come about, and no rejection hide the first: the name's order is open."""
    first = await bench.resting(number=7)
    events = await bench.place(bench.order(number=7))

    expect_true(not isinstance(events[0], OrderAcknowledged), "the second is not acknowledged")
    expect_true(not isinstance(events[0], OrderRejected), "no order of that name is called rejected")
    expect_equal([True], [each.is_open for each in bench.orders_named(first)], "orders of that name")


@case("EX-20", "plain decimals on the wire", promise=EXACT)
async def plain_on_the_wire(bench: ExchangeBench) -> None:
    """Write amounts without an exponent, however the number is held."""
    order = bench.order(quantity=bench.quantity.normalize(), price=bench.resting_price.normalize())
    await bench.place(order)

    [text] = bench.harness.wire(Request.PLACE)
    request = order.request
    for amount in (request.quantity, request.limit_price):
        assert amount is not None, "this order has a limit"
        expect_true(_stands_in(amount, text), f"{amount:f} stands plainly in {text!r}")


@case("EX-21", "the smallest step survives", promise=EXACT)
async def smallest_step(bench: ExchangeBench) -> None:
    """Let one more step of price and quantity arrive as one more step, held as 1E-5 or not."""
    instrument = bench.harness.instrument()
    quantity = (bench.quantity + instrument.lot_size).normalize()
    price = (bench.resting_price + instrument.tick_size).normalize()
    order = await bench.resting(quantity=quantity, price=price)

    [held] = bench.orders_named(order)
    expect_equal((quantity, price), (held.quantity, held.limit_price), "quantity and price at the venue")


async def _ends_unfilled(bench: ExchangeBench, time_in_force: TimeInForce) -> None:
    order = bench.order(time_in_force=time_in_force)
    events = await bench.place(order)
    await bench.harness.settle()

    expect_equal([], fills_of(events), "fills")
    expect_equal([], list(bench.harness.trades()), "trades at the venue")
    expect_true(not any(each.is_open for each in bench.orders_named(order)), "nothing rests at the venue")


def _sum_of_trades(bench: ExchangeBench) -> Decimal:
    return sum((trade.quantity for trade in bench.harness.trades()), Decimal(0))


def _stands_in(amount: Decimal, text: str) -> bool:
    """Return whether *text* holds *amount* plainly, trailing zeros or not, and not as a part of another number."""
    plain = f"{amount:f}"
    whole, _, part = plain.partition(".")
    spellings = {f"{whole}.{part}".rstrip("."), f"{whole}.{part.rstrip('0')}".rstrip(".")}
    words = "".join(letter if letter.isdigit() or letter in ".eE+-" else " " for letter in text).split()
    shortened = {_shortened(word) for word in words}
    return bool(spellings & shortened)


def _shortened(word: str) -> str:
    return word.rstrip("0").rstrip(".") if "." in word else word
