"""Losses are measured from journaled anchors, exactly, and the slack says truly how far nothing can change."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.risk.gate import DAILY_LOSS, DRAWDOWN
from meva_core.risk.loss_guard import DailyLossLimit, LossGuard


def guard(*, daily_loss: int = 100, drawdown: int = 300, start: int = 1_000) -> LossGuard:
    """Return a guard that has started."""
    made = LossGuard(daily_loss=daily_loss, drawdown=drawdown)
    made.start(start)
    return made


@pytest.mark.parametrize(
    ("pnl", "breached", "remaining"),
    [
        ("5", False, "50"),
        ("0", False, "50"),
        ("-49.99", False, "0.01"),
        ("-50", True, "0"),
        ("-70", True, "0"),
    ],
)
def test_the_daily_loss_is_breached_at_its_limit(pnl: str, breached: bool, remaining: str) -> None:
    """A loss of exactly the limit is a breach; what remains is never negative, and a gain adds nothing to it."""
    result = guard().check_daily_loss(Decimal(pnl), DailyLossLimit(Decimal(50)))

    assert (breached, Decimal(remaining)) == (result.breached, result.remaining)


def test_a_mark_names_the_limits_it_breaks() -> None:
    """The day's loss counts from the day's opening, the drawdown from the peak."""
    watched = guard()

    assert () == watched.mark(901)
    assert (DAILY_LOSS,) == watched.mark(900)
    assert () == watched.mark(1_200)
    assert () == watched.mark(901)
    assert (DAILY_LOSS, DRAWDOWN) == watched.mark(900)


def test_a_new_day_starts_at_zero_loss_and_keeps_the_peak() -> None:
    """The drawdown does not forget by midnight."""
    watched = guard()
    watched.mark(900)
    watched.roll_day(900)

    assert () == watched.breaches()
    assert 100 == watched.anchors.drawdown
    assert (DAILY_LOSS,) == watched.mark(800)


def test_a_transfer_is_neither_gain_nor_loss() -> None:
    """Money that enters or leaves moves every anchor with it."""
    watched = guard()
    watched.mark(950)
    watched.shift(-400)

    assert () == watched.mark(550)
    assert 50 == watched.anchors.drawdown
    assert (DAILY_LOSS,) == watched.mark(500)


def test_the_maximum_drawdown_is_the_deepest_fall() -> None:
    """It is remembered when the equity has recovered."""
    watched = guard(drawdown=10_000, daily_loss=10_000)
    for equity in (1_100, 900, 1_300, 1_150, 1_400):
        watched.mark(equity)

    assert 200 == watched.anchors.max_drawdown
    assert 0 == watched.anchors.drawdown


@given(
    path=st.lists(st.integers(-400, 400), min_size=1, max_size=30),
    step=st.integers(-600, 600),
    daily_loss=st.integers(1, 400),
    drawdown=st.integers(1, 400),
)
def test_inside_the_slack_nothing_changes(path: list[int], step: int, daily_loss: int, drawdown: int) -> None:
    """A move within the slack leaves peak, record and breaches alone; one beyond it changes one of them."""
    watched = guard(daily_loss=daily_loss, drawdown=drawdown)
    equity = 1_000
    for move in path:
        equity += move
        watched.mark(equity)
    fall, rise = watched.slack()
    before = (watched.anchors.peak, watched.anchors.max_drawdown, set(watched.breaches()))
    broken_before = set(watched.breaches())
    watched.mark(equity + step)
    after = (watched.anchors.peak, watched.anchors.max_drawdown, set(watched.breaches()) | broken_before)

    inside = -fall <= step <= rise
    if inside:
        assert before == after
    else:
        assert before != after


@given(
    path=st.lists(
        st.tuples(
            st.sampled_from(["mark", "mark", "mark", "roll", "shift", "forgive"]), st.integers(-150, 150)
        ),
        max_size=40,
    ),
    daily_loss=st.integers(1, 300),
    drawdown=st.integers(1, 300),
)
def test_a_calm_guard_misses_nothing(path: list[tuple[str, int]], daily_loss: int, drawdown: int) -> None:
    """A guard that remembers how far its verdict carries says what one says that looks at everything each time."""
    quick, thorough = (guard(daily_loss=daily_loss, drawdown=drawdown) for _ in range(2))
    equity = 1_000
    for act, step in path:
        for watched in (quick, thorough):
            if act == "roll":
                watched.roll_day(equity)
            elif act == "shift":
                watched.shift(step)
            elif act == "forgive":
                watched.anchors.peak = equity
        equity += 0 if act in ("roll", "forgive") else step
        thorough.anchors = thorough.anchors  # Whoever sets anchors makes it look at each.

        assert thorough.mark(equity) == quick.mark(equity)
        assert quick.is_calm == (quick.breaches() == ())
        remembered = quick.slack()
        thorough.anchors = thorough.anchors
        assert thorough.slack() == remembered
        assert thorough._anchors == quick._anchors


def test_the_deepest_fall_is_taken_only_where_no_limit_is_reached() -> None:
    """At the limit nothing is remembered, so that the event which reaches it can close the gate."""
    guard = LossGuard(daily_loss=100, drawdown=300)
    guard.start(1_000)
    guard.mark(1_000)

    assert not guard.fall_to(900)
    assert 0 == guard.anchors.max_drawdown

    guard.mark(1_000)
    assert guard.fall_to(901)
    assert (99, 901) == (guard.anchors.max_drawdown, guard.anchors.equity)


def test_a_fall_is_not_taken_while_an_anchor_may_have_moved() -> None:
    """Whoever looks at the anchors may move them: the next mark measures anew."""
    guard = LossGuard(daily_loss=100, drawdown=300)
    guard.start(1_000)

    assert not guard.fall_to(950)
