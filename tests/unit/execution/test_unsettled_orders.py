"""When the venue is asked about an order, and when its silence is proof."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_core.execution.unsettled_orders import FenceSettings, UnsettledOrders
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus, OrderType, TimeInForce

SECOND = NS_PER_SECOND
SCHEDULE = (SECOND // 5, SECOND // 2, SECOND, 2 * SECOND, 5 * SECOND)
WINDOW, LAG_BOUND = 5 * SECOND, 60 * SECOND


def order(name: str = "a", stamp_ns: int = 0) -> OrderRecord:
    """Return an order of unknown outcome."""
    request = OrderRequest(
        name,
        name,
        "mine",
        "BTC/USDT",
        Side.BUY,
        OrderType.MARKET,
        TimeInForce.GTC,
        Decimal(1),
        None,
        post_only=False,
        reduce_only=False,
    )
    return OrderRecord(request, OrderStatus.UNKNOWN, 0, 0, Decimal(1), "USDT", Decimal(1), stamp_ns=stamp_ns)


def orders(window_ns: int | None = WINDOW) -> UnsettledOrders:
    """Return an empty search."""
    return UnsettledOrders(FenceSettings(SCHEDULE, window_ns, LAG_BOUND))


def test_questions_follow_the_schedule_and_then_its_last_step() -> None:
    """After 0.2, 0.5, 1, 2, 5, 5, 5 seconds, each from the question before."""
    search, now_ns = orders(), 0
    search.watch(order(), now_ns)
    gaps = []
    for _ in range(7):
        due_ns = search.next_due_ns()
        assert due_ns is not None
        assert [] == search.take_due(due_ns - 1)
        assert ["a"] == search.take_due(due_ns)
        gaps.append((due_ns - now_ns) / SECOND)
        now_ns = due_ns

    assert [0.2, 0.5, 1, 2, 5, 5, 5] == gaps


def test_two_not_founds_after_the_fence_are_proof() -> None:
    """The fence is stamp + window + lag bound, in the venue's time."""
    search = orders()
    search.watch(order(stamp_ns=7), 0)
    fence_ns = 7 + WINDOW + LAG_BOUND

    assert [False, False, True] == [search.not_found("a", fence_ns + late) for late in (-1, 0, 0)]


def test_no_number_of_not_founds_before_the_fence_is_proof() -> None:
    """A replica may lag for as long as the bound."""
    search = orders()
    search.watch(order(), 0)

    assert not any(search.not_found("a", WINDOW + LAG_BOUND - 1) for _ in range(1_000))


def test_without_a_window_silence_is_never_proof() -> None:
    """Protocol S7: the request may still arrive."""
    search = orders(window_ns=None)
    search.watch(order(), 0)

    assert not any(search.not_found("a", 10**18) for _ in range(1_000))


def test_what_nobody_searches_for_is_not_proven_absent() -> None:
    """An answer about a settled order proves nothing."""
    search = orders()
    search.watch(order(), 0)
    search.settle("a")

    assert not search.not_found("a", 10**18)
    assert search.next_due_ns() is None
    assert 0 == len(search)


def test_to_search_twice_is_to_search_once() -> None:
    """The count of questions and answers goes on."""
    search = orders()
    search.watch(order(), 0)
    search.not_found("a", 10**18)
    search.watch(order(), 5)

    assert search.not_found("a", 10**18)


@pytest.mark.parametrize("answers", range(3))
def test_a_snapshot_continues_where_it_was_taken(answers: int) -> None:
    """Questions, answers and dates are all in it."""
    search = orders()
    search.watch(order("a"), 0)
    search.watch(order("b", stamp_ns=9), 3)
    search.take_due(SECOND)
    for _ in range(answers):
        search.not_found("a", 10**18)
    restored = orders()
    restored.restore(search.snapshot())

    assert search.snapshot() == restored.snapshot()
    assert search.next_due_ns() == restored.next_due_ns()
    assert search.not_found("a", 10**18) == restored.not_found("a", 10**18)
