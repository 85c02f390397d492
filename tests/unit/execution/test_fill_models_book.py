"""The `book` model fills against what is visible, and only after those who queue before us."""

from __future__ import annotations

import pytest

from meva_core.execution.matching import MatchingEngine
from meva_core.model.market import Side
from meva_core.model.order import TimeInForce
from tests.unit.execution.venue_case import BUY, FOK, IOC, SELL, bar, book, quote, request, told, trade, venue

BIDS = [(99, 10), (98, 20)]
ASKS = [(101, 4), (102, 6)]


def shown() -> MatchingEngine:
    """Return a venue that shows BIDS and ASKS."""
    engine = venue("book")
    book(engine, 1, bids=BIDS, asks=ASKS, first=10, last=10)
    return engine


def change(
    engine: MatchingEngine, time_ns: int, last: int, **sides: list[tuple[int, int]]
) -> list[tuple[str, ...]]:
    """Change the book by the update *last*."""
    return told(book(engine, time_ns, first=last, last=last, snapshot=False, **sides))


def test_without_a_book_every_order_is_refused() -> None:
    """Neither a price nor a queue is known."""
    engine = venue("book")

    assert [("rejected", "o-1", "NO_BOOK")] == told(engine.submit(request(BUY, 1, 90), 1))


def test_a_market_order_walks_the_levels_and_its_rest_expires() -> None:
    """Ten lots are offered where twelve are wanted."""
    engine = shown()
    engine.submit(request(BUY, 12), 2)

    expected = [
        ("filled", "o-1", "4 at 101", "taker"),
        ("filled", "o-1", "6 at 102", "taker"),
        ("expired", "o-1", "INSUFFICIENT_LIQUIDITY"),
    ]

    assert expected == told(trade(engine, 3, 101))


def test_a_marketable_limit_takes_up_to_its_limit_and_rests() -> None:
    """It then makes, with nobody before it at its price."""
    engine = shown()
    engine.submit(request(BUY, 7, 101), 2)

    took = trade(engine, 3, 101)
    made = trade(engine, 4, 101, 2, SELL)

    assert [("filled", "o-1", "4 at 101", "taker")] == told(took)
    assert [("filled", "o-1", "2 at 101", "maker")] == told(made)


@pytest.mark.parametrize(
    ("time_in_force", "expected"),
    [
        (IOC, [("filled", "o-1", "4 at 101", "taker"), ("expired", "o-1", "UNFILLED_IOC_QUANTITY_EXPIRED")]),
        (FOK, [("expired", "o-1", "UNFILLED_FOK_ORDER_EXPIRED")]),
    ],
)
def test_ioc_and_fok_meet_the_book_once(time_in_force: TimeInForce, expected: list[tuple[str, ...]]) -> None:
    """Four lots are within the limit where seven are wanted."""
    engine = shown()
    engine.submit(request(BUY, 7, 101, time_in_force=time_in_force), 2)

    assert expected == told(trade(engine, 3, 101))


def test_what_we_took_is_not_sold_to_us_again() -> None:
    """The recorded level never noticed us; it is ours again only when it was renewed."""
    engine = shown()
    engine.submit(request(BUY, 4, 101, name="a"), 2)
    trade(engine, 3, 100)

    engine.submit(request(BUY, 4, 101, name="b", time_in_force=IOC), 4)
    same = change(engine, 5, 11, asks=[(101, 4)])
    engine.submit(request(BUY, 4, 101, name="c", time_in_force=IOC), 6)
    grown = change(engine, 7, 12, asks=[(101, 6)])
    engine.submit(request(BUY, 4, 101, name="d", time_in_force=IOC), 8)
    change(engine, 8, 13, asks=[(101, 0)])
    engine.submit(request(BUY, 4, 101, name="e", time_in_force=IOC), 9)
    renewed = change(engine, 9, 14, asks=[(101, 5)])

    assert [("expired", "b", "UNFILLED_IOC_QUANTITY_EXPIRED")] == same
    assert ("filled", "c", "2 at 101", "taker") in grown
    assert [("filled", "e", "4 at 101", "taker")] == renewed


def test_a_resting_order_waits_for_the_queue_before_it() -> None:
    """Ten lots are before it: trades at its price by sellers pass them first."""
    engine = shown()
    engine.submit(request(BUY, 5, 99), 2)

    events = [
        told(trade(engine, 3, 99, 7)),
        told(trade(engine, 4, 99, 9, BUY)),
        told(trade(engine, 5, 99, 5)),
    ]

    assert [[], [], [("filled", "o-1", "2 at 99", "maker")]] == events


def test_two_of_our_orders_keep_their_places_in_one_queue() -> None:
    """Others' 10 lots, our 2, others' 5 between, our 3: of 18 traded lots one reaches our last order."""
    engine = shown()
    engine.submit(request(BUY, 2, 99, name="a"), 2)
    change(engine, 3, 11, bids=[(99, 15)])
    engine.submit(request(BUY, 3, 99, name="b"), 4)

    events = trade(engine, 5, 99, 18)

    expected = [("filled", "a", "2 at 99", "maker"), ("filled", "b", "1 at 99", "maker")]
    assert expected == told(events)


def test_cancels_are_taken_to_come_from_behind_us() -> None:
    """The level grows and shrinks again, and still shows more than the ten lots before us."""
    engine = shown()
    engine.submit(request(BUY, 5, 99), 2)

    change(engine, 3, 11, bids=[(99, 30)])
    change(engine, 4, 12, bids=[(99, 12)])

    assert [] == told(trade(engine, 5, 99, 10))


def test_a_level_that_shrinks_below_the_queue_shortens_it() -> None:
    """Four lots are left in sight: no more can be before us."""
    engine = shown()
    engine.submit(request(BUY, 5, 99), 2)

    change(engine, 3, 11, bids=[(99, 4)])

    assert [("filled", "o-1", "3 at 99", "maker")] == told(trade(engine, 4, 99, 7))


def test_a_trade_and_the_change_it_caused_count_once() -> None:
    """Seven of ten lots trade, then the level shows three: three are still before us."""
    engine = shown()
    engine.submit(request(BUY, 5, 99), 2)
    trade(engine, 3, 99, 7)
    change(engine, 4, 11, bids=[(99, 3)])

    assert [("filled", "o-1", "1 at 99", "maker")] == told(trade(engine, 5, 99, 4))


@pytest.mark.parametrize("taker_side", [BUY, SELL])
def test_a_trade_through_the_price_fills_up_to_its_quantity(taker_side: Side) -> None:
    """Whoever sold at 98 would have sold to us at 99 first."""
    engine = shown()
    engine.submit(request(BUY, 5, 99), 2)

    assert [("filled", "o-1", "3 at 99", "maker")] == told(trade(engine, 3, 98, 3, taker_side))


def test_liquidity_that_crosses_our_price_fills_us_as_makers() -> None:
    """An ask appears at our bid: it would have hit us, up to its quantity, once."""
    engine = shown()
    engine.submit(request(BUY, 5, 99), 2)

    crossed = change(engine, 3, 11, bids=[(99, 0)], asks=[(98, 3)])
    same = change(engine, 4, 12, bids=[(97, 1)])

    assert [("filled", "o-1", "3 at 99", "maker")] == crossed
    assert [] == same


def test_a_post_only_order_may_join_where_the_best_level_went() -> None:
    """It would take while the ask of 101 is there; then the next one counts."""
    engine = shown()
    order = request(BUY, 1, 101, post_only=True)

    before = engine.submit(order, 2)
    change(engine, 3, 11, asks=[(101, 0)])
    after = engine.submit(order, 4)

    assert [("rejected", "o-1", "WOULD_TAKE")] == told(before)
    assert [("acknowledged", "o-1")] == told(after)


def test_a_post_only_order_is_judged_by_the_visible_book() -> None:
    """Not by the last trade."""
    engine = shown()

    rests = engine.submit(request(BUY, 1, 100, name="a", post_only=True), 2)
    takes = engine.submit(request(BUY, 1, 101, name="b", post_only=True), 2)

    assert [("acknowledged", "a")] == told(rests)
    assert [("rejected", "b", "WOULD_TAKE")] == told(takes)


def test_a_gap_stops_taking_until_the_next_snapshot() -> None:
    """The market order waits; it is not filled from a book that may be wrong."""
    engine = shown()
    engine.submit(request(BUY, 1), 2)

    gap = change(engine, 3, 15, asks=[(101, 9)])
    meanwhile = told(trade(engine, 4, 101))
    refused = told(engine.submit(request(BUY, 1, name="later"), 5))
    healed = told(book(engine, 6, asks=[(103, 2)], first=20, last=20))

    assert ([], []) == (gap, meanwhile)
    assert [("rejected", "later", "NO_BOOK")] == refused
    assert [("filled", "o-1", "1 at 103", "taker")] == healed


def test_a_change_older_than_the_book_is_skipped() -> None:
    """Changes that a snapshot already holds arrive after it."""
    engine = shown()
    engine.submit(request(BUY, 1), 2)

    assert [("filled", "o-1", "1 at 101", "taker")] == change(engine, 3, 9, asks=[(100, 5)])


def test_quotes_are_the_book_where_there_is_no_other() -> None:
    """The best level alone, and never twice the same lots."""
    engine = venue("book")
    quote(engine, 1, (99, 5), (101, 5))
    engine.submit(request(BUY, 3, name="a", time_in_force=IOC), 2)
    engine.submit(request(BUY, 3, name="b", time_in_force=IOC), 2)

    events = quote(engine, 3, (99, 5), (101, 5))

    expected = [
        ("filled", "a", "3 at 101", "taker"),
        ("filled", "b", "2 at 101", "taker"),
        ("expired", "b", "INSUFFICIENT_LIQUIDITY"),
    ]
    assert expected == told(events)


def test_depth_replaces_a_book_made_of_quotes() -> None:
    """From the first change on only a snapshot makes the book known."""
    engine = venue("book")
    quote(engine, 1, (99, 5), (101, 5))
    change(engine, 2, 7, asks=[(101, 3)])
    quote(engine, 3, (99, 5), (101, 5))

    assert [("rejected", "o-1", "NO_BOOK")] == told(engine.submit(request(BUY, 1), 4))


def test_bars_fill_nothing_against_a_book() -> None:
    """They say nothing of queues."""
    engine = shown()
    engine.submit(request(SELL, 1, 103), 2)

    assert [] == bar(engine, 10, 100, 120, 80, 100)
