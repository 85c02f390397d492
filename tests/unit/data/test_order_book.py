"""The order book follows the venue's recipe, and any doubt empties it until the next snapshot."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.order_book import BookOutcome, BookSide, BookState, Level, OrderBook
from meva_core.events import BookChanged

SYMBOL = "BTC/USDT"
BIDS: tuple[Level, ...] = ((100, 5), (99, 7))
ASKS: tuple[Level, ...] = ((101, 4), (103, 6))

sizes = st.integers(0, 5)
changes = st.lists(st.tuples(st.booleans(), st.integers(1, 30), sizes), max_size=60)


def snapshot(last: int, bids: tuple[Level, ...] = BIDS, asks: tuple[Level, ...] = ASKS) -> BookChanged:
    """Return a snapshot that ends with update *last*."""
    return BookChanged(0, SYMBOL, True, last, last, bids, asks)


def change(
    first: int, last: int, *, bids: tuple[Level, ...] = (), asks: tuple[Level, ...] = ()
) -> BookChanged:
    """Return a change that spans updates *first* to *last*."""
    return BookChanged(0, SYMBOL, False, first, last, bids, asks)


def synchronised(last: int = 10) -> OrderBook:
    """Return a book after its snapshot."""
    book = OrderBook(SYMBOL)
    assert BookOutcome.APPLIED == book.apply(snapshot(last))
    return book


def test_a_snapshot_makes_a_book() -> None:
    """Best prices and depth are those of the snapshot, best first."""
    book = synchronised()

    assert ((100, 5), (101, 4)) == (book.best_bid, book.best_ask)
    assert (BIDS, ASKS) == book.depth(5)
    assert (((100, 5),), ((101, 4),)) == book.depth(1)


def test_a_change_that_continues_is_applied() -> None:
    """Sizes are absolute; 0 removes; a new best price is seen at once."""
    book = synchronised()

    outcome = book.apply(change(11, 12, bids=((100, 0), (98, 1)), asks=((102, 9), (101, 2))))

    assert BookOutcome.APPLIED == outcome
    assert (((99, 7), (98, 1)), ((101, 2), (102, 9), (103, 6))) == book.depth(9)
    assert 12 == book.last_update_id


def test_removing_an_unknown_level_is_harmless() -> None:
    """The venue may remove a level outside the snapshot."""
    book = synchronised()

    assert BookOutcome.APPLIED == book.apply(change(11, 11, bids=((50, 0),)))
    assert (BIDS, ASKS) == book.depth(9)


def test_changes_before_the_snapshot_are_kept_for_it() -> None:
    """Those it contains are dropped, the one that spans its end and those after are applied."""
    book = OrderBook(SYMBOL)
    kept = [
        change(5, 8, bids=((97, 1),)),
        change(9, 12, bids=((100, 1),)),
        change(13, 14, asks=((101, 0),)),
    ]

    outcomes = [book.apply(each) for each in kept]

    assert [BookOutcome.KEPT] * 3 == outcomes
    assert BookOutcome.APPLIED == book.apply(snapshot(10))
    assert (((100, 1), (99, 7)), ((103, 6),)) == book.depth(9)
    assert 14 == book.last_update_id


def test_a_snapshot_older_than_what_was_kept_is_refused() -> None:
    """It must be fetched again; one that ends right before the first kept change is enough."""
    book = OrderBook(SYMBOL)
    book.apply(change(12, 13))

    assert BookOutcome.SNAPSHOT_TOO_OLD == book.apply(snapshot(10))
    assert not book.synchronised
    assert BookOutcome.APPLIED == book.apply(snapshot(11))


def test_a_gap_empties_the_book() -> None:
    """Nothing can be read from it until a newer snapshot, to which the change after the gap is applied."""
    book = synchronised(10)

    assert BookOutcome.GAP == book.apply(change(12, 12, bids=((100, 9),)))
    assert (False, None, None, 1) == (book.synchronised, book.best_bid, book.best_ask, book.gaps)
    assert BookOutcome.SNAPSHOT_TOO_OLD == book.apply(snapshot(10))
    assert BookOutcome.APPLIED == book.apply(snapshot(11))
    assert (100, 9) == book.best_bid


def test_a_gap_among_kept_changes_is_noticed() -> None:
    """What comes after it is kept for the next snapshot."""
    book = OrderBook(SYMBOL)
    for each in (change(11, 11), change(13, 13), change(14, 14, bids=((100, 8),))):
        book.apply(each)

    assert BookOutcome.GAP == book.apply(snapshot(10))
    assert BookOutcome.APPLIED == book.apply(snapshot(13))
    assert ((100, 8), 14) == (book.best_bid, book.last_update_id)


def test_old_news_is_ignored() -> None:
    """A change or a snapshot that the book contains does not turn it back."""
    book = synchronised(10)

    assert BookOutcome.IGNORED == book.apply(change(9, 10, bids=((100, 1),)))
    assert BookOutcome.IGNORED == book.apply(snapshot(9))
    assert (100, 5) == book.best_bid


@pytest.mark.parametrize(
    ("outcome", "broken"),
    [
        (BookOutcome.CROSSED, change(11, 11, bids=((101, 1),))),
        (BookOutcome.CROSSED, change(11, 11, asks=((99, 1),))),
        (BookOutcome.ONE_SIDED, change(11, 11, asks=((101, 0), (103, 0)))),
        (BookOutcome.ONE_SIDED, snapshot(11, bids=())),
        (BookOutcome.CROSSED, snapshot(11, asks=((100, 1),))),
        (BookOutcome.MALFORMED, change(12, 11)),
        (BookOutcome.MALFORMED, change(11, 11, bids=((0, 1),))),
        (BookOutcome.MALFORMED, change(11, 11, bids=((90, -1),))),
    ],
)
def test_a_book_that_cannot_be_is_unusable(outcome: BookOutcome, broken: BookChanged) -> None:
    """C2: no order rests on it; a following change does not heal it, a snapshot does."""
    book = synchronised(10)

    assert outcome == book.apply(broken)
    assert outcome.broken
    assert BookOutcome.KEPT == book.apply(change(12, 12, asks=((105, 1),)))
    assert ((), ()) == book.depth(9)
    assert BookOutcome.APPLIED == book.apply(snapshot(12))


def test_a_broken_book_never_goes_back_in_time() -> None:
    """A snapshot that was under way before the break is refused (I22: ids never fall)."""
    book = synchronised(10)
    book.apply(change(11, 11, bids=((101, 1),)))

    assert BookOutcome.SNAPSHOT_TOO_OLD == book.apply(snapshot(10))
    assert BookOutcome.APPLIED == book.apply(snapshot(11))


def test_a_discarded_book_starts_anew() -> None:
    """After a lost stream the venue may number from the beginning."""
    book = synchronised(1_000_000)

    book.discard()

    assert BookState.WAITING == book.state
    assert BookOutcome.APPLIED == book.apply(snapshot(3))


def test_waiting_is_bounded() -> None:
    """When too many changes wait, the oldest go, and only a newer snapshot will do."""
    book = OrderBook(SYMBOL, waiting_max=2)
    for number in (11, 12, 13):
        book.apply(change(number, number))

    assert BookOutcome.SNAPSHOT_TOO_OLD == book.apply(snapshot(10))
    assert BookOutcome.APPLIED == book.apply(snapshot(11))


def test_levels_are_bounded() -> None:
    """The worst levels are forgotten, in a snapshot and in changes."""
    book = OrderBook(SYMBOL, levels_max=2)
    book.apply(snapshot(10, asks=((103, 6), (101, 4), (105, 1))))

    book.apply(change(11, 11, bids=((98, 1),), asks=((102, 3),)))

    assert (BIDS, ((101, 4), (102, 3))) == book.depth(9)
    assert (2, 2) == (len(book.bids), len(book.asks))


@given(changes, st.sampled_from([1, -1]))
def test_a_side_equals_a_sorted_mapping(steps: list[tuple[bool, int, int]], sign: int) -> None:
    """After any updates a side shows what a plain dictionary, sorted, would show."""
    side, model = BookSide(sign, 1_000), dict[int, int]()

    for _, price, size in steps:
        side.update(((price, size),))
        model[price] = size
        expected = sorted(((p, s) for p, s in model.items() if s), key=lambda level: -sign * level[0])
        assert tuple(expected) == side.top(1_000)
        assert (expected[0] if expected else None) == side.best
        assert model[price] == side.lots_at(price)


@given(changes, changes)
def test_a_restored_book_goes_on_the_same(
    before: list[tuple[bool, int, int]], after: list[tuple[bool, int, int]]
) -> None:
    """A checkpoint through JSON at any change, synchronised or waiting, changes nothing later."""
    kept = OrderBook(SYMBOL)
    kept.apply(snapshot(0, bids=((15, 1),), asks=((16, 1),)))
    news = [
        change(number, number, bids=((price, size),))
        if bid
        else change(number, number, asks=((price, size),))
        for number, (bid, price, size) in enumerate([*before, *after], start=1)
    ]
    for each in news[: len(before)]:
        kept.apply(each)
    restored = OrderBook(SYMBOL)

    restored.restore(json.loads(json.dumps(kept.snapshot())))

    for each in (*news[len(before) :], snapshot(len(news))):
        assert kept.apply(each) == restored.apply(each)
        assert kept.snapshot() == restored.snapshot()
