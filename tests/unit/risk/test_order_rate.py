"""Orders of the recent past are counted exactly, in all and alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meva_core.risk.order_rate import OrderRate

WINDOW_NS = 10
ORDERS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["a", "b"])), max_size=40)


@given(ORDERS, st.integers(0, 20))
def test_the_window_counts_what_lies_in_it(orders: list[tuple[int, str]], later_ns: int) -> None:
    """An order counts for the window's length: at its end it is past."""
    rate, now_ns = OrderRate(window_ns=WINDOW_NS), 0
    times: list[tuple[int, str]] = []
    for step_ns, kind in orders:
        now_ns += step_ns
        rate.count(now_ns, kind)
        rate.add(now_ns, kind)
        times.append((now_ns, kind))
    now_ns += later_ns

    inside = [kind for time_ns, kind in times if now_ns - time_ns < WINDOW_NS]
    assert (len(inside), inside.count("a")) == rate.count(now_ns, "a")


@given(ORDERS)
def test_memory_survives_a_checkpoint(orders: list[tuple[int, str]]) -> None:
    """The restored counter counts the same, then and later."""
    rate, now_ns = OrderRate(window_ns=WINDOW_NS), 0
    for step_ns, kind in orders:
        now_ns += step_ns
        rate.add(now_ns, kind)
    restored = OrderRate(window_ns=WINDOW_NS)

    restored.restore(rate.snapshot())

    for time_ns in (now_ns, now_ns + 5, now_ns + 11):
        assert rate.count(time_ns, "b") == restored.count(time_ns, "b")


def test_memory_is_bounded_by_the_window() -> None:
    """What is past is forgotten as the next one comes."""
    rate = OrderRate(window_ns=WINDOW_NS)

    for time_ns in range(1_000):
        rate.count(time_ns, "a")
        rate.add(time_ns, "a")

    assert WINDOW_NS == len(rate.snapshot())
