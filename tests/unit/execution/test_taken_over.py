"""A simulated venue goes on where the books of its account stand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from meva_core.errors import InvariantError
from meva_core.events import BookChanged, OrderFilled
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.taken_over import Standing, take_over
from meva_core.execution.venue_fees import FeeSchedule
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus, OrderType, TimeInForce

INSTRUMENT = Instrument("BTC/USDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))


def engine() -> MatchingEngine:
    """Return a fresh one whose orders meet a book."""
    nothing = FeeSchedule(Decimal(0), Decimal(0))
    return MatchingEngine([INSTRUMENT], balances={"USDT": Decimal(1)}, fees=nothing, fill_model="book")


def record(name: str, number: str, **changed: Any) -> OrderRecord:
    """Return an accepted bid for one coin at 100, changed as said."""
    request = OrderRequest(
        client_order_id=name,
        idem_key=name,
        strategy="s",
        symbol="BTC/USDT",
        side=Side.BUY,
        type=changed.pop("type", OrderType.LIMIT),
        time_in_force=changed.pop("time_in_force", TimeInForce.GTC),
        quantity=Decimal(1),
        limit_price=changed.pop("limit_price", Decimal(100)),
        post_only=False,
        reduce_only=False,
    )
    accepted = OrderRecord(request, OrderStatus.ACCEPTED, 1, 1, Decimal(100), "USDT", Decimal(100))
    return evolve(accepted, venue_order_id=number, **changed)


def standing(*records: OrderRecord, held: int = 1_000) -> Standing:
    """Return the standing of an account with *records* and so much money."""
    balances = {"USDT": Decimal(held), "BTC": Decimal(2)}
    return Standing.of(records, balances=balances, last_order_id=40, last_trades={"BTC/USDT": 7})


def book(*, ask_ticks: int) -> BookChanged:
    """Return a whole book with one level on each side."""
    return BookChanged(5, "BTC/USDT", True, 1, 1, ((9_000, 300_000),), ((ask_ticks, 300_000),))


def test_what_rested_rests_on_and_holds_its_money_back() -> None:
    """Orders, what has filled of them, and free and locked money are as the books say."""
    venue = engine()
    take_over(venue, standing(record("a", "12"), record("b", "9", filled_quantity=Decimal("0.25"))))

    seen = [
        (order.client_order_id, order.venue_order_id, order.filled_quantity) for order in venue.open_orders()
    ]
    assert [("b", "9", Decimal("0.25")), ("a", "12", 0)] == seen
    assert {"BTC": (2, 0), "USDT": (825, 175)} == venue.balances()


def test_numbers_go_on_after_the_newest_of_the_books() -> None:
    """A trade that fills an order afterwards is none that was booked before; it trades at the book's price."""
    venue = engine()
    take_over(venue, standing(record("a", "12")))
    [filled] = venue.on_market(book(ask_ticks=9_900))

    assert isinstance(filled, OrderFilled)
    assert ("8", "a", Decimal(99)) == (filled.fill.trade_id, filled.fill.client_order_id, filled.fill.price)
    assert {"BTC": (3, 0), "USDT": (901, 0)} == venue.balances()


def test_what_joins_again_stands_behind_the_others() -> None:
    """Nobody keeps a place in a queue that has dissolved."""
    venue = engine()
    take_over(venue, standing(record("a", "12", limit_price=Decimal(90))))
    fills = venue.on_market(book(ask_ticks=20_000))
    fills += venue.on_trade("BTC/USDT", time_ns=6, price_ticks=9_000, lots=300_000, taker_side=Side.SELL)

    assert [] == fills


@pytest.mark.parametrize(
    "changed",
    [
        {"status": OrderStatus.SUBMITTED, "number": ""},
        {"status": OrderStatus.UNKNOWN, "number": ""},
        {"type": OrderType.MARKET, "limit_price": None},
        {"time_in_force": TimeInForce.IOC},
    ],
    ids=["sent", "unknown", "market", "immediate"],
)
def test_what_was_under_way_expires(changed: dict[str, Any]) -> None:
    """An order that no venue had on its book ended with the venue."""
    stands = standing(record("a", changed.pop("number", "12"), **changed))
    venue = engine()
    take_over(venue, stands)

    assert ["a"] == [each.request.client_order_id for each in stands.expired]
    assert () == venue.open_orders()
    assert (1_000, 0) == venue.balances()["USDT"]


def test_orders_beyond_what_is_held_are_a_bug() -> None:
    """Books that lock more than they hold are not books."""
    with pytest.raises(InvariantError, match=r"USDT: 99 held, 100.* locked"):
        take_over(engine(), standing(record("a", "12"), held=99))
