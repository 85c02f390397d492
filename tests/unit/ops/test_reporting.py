"""A run's summary is what its records say, added up exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.model.order import OrderStatus
from meva_core.model.state import Gate
from meva_core.ops.log_records import (
    AlertRaised,
    DataRejected,
    GateChanged,
    Record,
    VenueCompared,
    order_placed,
)
from meva_core.ops.reporting import REASONS_MAX, ReplayResult, RunStatistics, RunSummary, days_between
from meva_core.ops.statistics import Statistic
from tests.unit.ops.records import (
    DAY_NS,
    equity_marked,
    fill_booked,
    order_submitted,
    order_updated,
    place_order,
    risk_decided,
    signal_decided,
)


def summary_of(*records: Record, start: str = "1000", final: str = "1000", fall: str = "0") -> RunSummary:
    """Return the summary of *records*."""
    statistics = RunStatistics("USDT")
    for record in records:
        statistics.add(record)
    return statistics.summary(
        first_ns=0,
        last_ns=DAY_NS,
        start_equity=Decimal(start),
        final_equity=Decimal(final),
        max_drawdown=Decimal(fall),
    )


def test_everything_is_counted_once() -> None:
    """Each kind of record has its own count."""
    summary = summary_of(
        signal_decided(),
        signal_decided("expired"),
        risk_decided(),
        risk_decided("stale_data"),
        order_submitted(),
        order_updated(OrderStatus.FILLED),
        fill_booked(),
        AlertRaised(7, RaiseAlert(AlertLevel.HIGH, "stale", "", "stale", {})),
        GateChanged(8, Gate.PAUSED, 1, "operator_pause", "lunch", "operator"),
        DataRejected(9, "BTC/USDT", "price_jump"),
        VenueCompared(9, False, ("1 BTC, not 2",), 0),
    )

    assert (2, 2, 1, 1) == (summary.signals, summary.intents, summary.orders, summary.fills)
    assert (1, 1, 1) == (summary.alerts, summary.gate_changes, summary.data_rejected)
    assert {"expired": 1} == summary.signals_rejected
    assert {"stale_data": 1} == summary.risk_rejected
    assert {"filled": 1} == summary.orders_by_status


def test_an_order_counts_as_its_three_records() -> None:
    """A replay hands over one fact where an order was placed; its sum is that of signal, approval and order."""
    statistics = RunStatistics("USDT")

    statistics.takers[order_placed]((signal_decided().signal, place_order(5, 3)))

    summary = statistics.summary(
        first_ns=0,
        last_ns=DAY_NS,
        start_equity=Decimal(1000),
        final_equity=Decimal(1000),
        max_drawdown=Decimal(0),
    )
    assert summary_of(signal_decided(), risk_decided(), order_submitted()) == summary


def test_refusals_count_under_each_code_most_frequent_first() -> None:
    """An intent that breaks two rules says so twice."""
    summary = summary_of(risk_decided("b", "c"), risk_decided("c"), risk_decided("a"))

    assert [("c", 2), ("a", 1), ("b", 1)] == list(summary.risk_rejected.items())
    assert 3 == summary.intents


def test_reasons_are_bounded() -> None:
    """A strategy that invents a reason per signal does not fill the memory."""
    summary = summary_of(*(signal_decided(f"reason {number}") for number in range(REASONS_MAX + 5)))

    assert REASONS_MAX + 1 == len(summary.signals_rejected)
    assert 5 == summary.signals_rejected["other"]


def test_money_is_added_exactly() -> None:
    """Fees, turnover and realized result are sums of Decimals, to the last digit."""
    summary = summary_of(
        fill_booked(realized="0.1", fee="0.000000000000000001", notional="12345678901234567890.5"),
        fill_booked(realized="0.2", fee="0.1", notional="0.00000001"),
    )

    assert Decimal("0.3") == summary.realized
    assert Decimal("0.100000000000000001") == summary.fees
    assert Decimal("12345678901234567890.50000001") == summary.turnover


def test_closing_fill_wins_after_its_fee_only() -> None:
    """A gain that the fee eats is no win, and a fill that closes nothing is no trade."""
    summary = summary_of(
        fill_booked(realized="0", fee="1", closed="0"),
        fill_booked(realized="10", fee="1", closed="1"),
        fill_booked(realized="1", fee="1", closed="1"),
        fill_booked(realized="-2", fee="1", closed="1"),
        fill_booked(realized="1", fee="2", closed="1"),
    )

    assert (4, 1) == (summary.closing_fills, summary.winning_fills)
    assert Statistic(0.25) == summary.win_rate
    assert Statistic(9 / 4) == summary.profit_factor


def test_run_without_fills_shows_no_invented_figures() -> None:
    """What cannot be known is missing, with the reason."""
    summary = summary_of()

    assert "n/a: no position was closed" == str(summary.win_rate)
    assert "n/a: no losing fill" == str(summary.profit_factor)
    assert "n/a: fewer than 30 days" == str(summary.sharpe)
    assert Statistic(0.0) == summary.total_return


def test_sharpe_appears_with_the_thirtieth_day() -> None:
    """Thirty days of marks are thirty daily returns, the first of them from the equity at the start."""
    equities = [str(1000 + (day % 2)) for day in range(1, 31)]
    marks = [equity_marked(equity, time_ns=day * DAY_NS) for day, equity in enumerate(equities)]

    assert summary_of(*marks[:29]).sharpe.value is None
    assert summary_of(*marks).sharpe.value is not None


def test_return_is_against_the_start() -> None:
    """From 1000 to 1084 is 8.4 %."""
    assert pytest.approx(0.084) == summary_of(final="1084").total_return.value


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9)), max_size=60))
def test_gains_minus_losses_are_the_result_of_closing(fills: list[tuple[int, int]]) -> None:
    """Winning and losing closes add up to realized minus fees: none is lost or counted twice."""
    statistics = RunStatistics("USDT")
    for realized, fee in fills:
        statistics.add(fill_booked(realized=str(realized), fee=str(fee), closed="1"))

    expected = sum(realized - fee for realized, fee in fills)

    assert expected == statistics._gains - statistics._losses


def replay_result(events: int, run_seconds: float) -> ReplayResult:
    """Return the result of a run in which nothing happened."""
    return ReplayResult(
        summary=summary_of(),
        events=events,
        realized_pnl=Decimal(0),
        unrealized_pnl=Decimal(0),
        fees=Decimal(0),
        decision_hash="d",
        state_hash="s",
        config_hash="c",
        tape_hash="t",
        seed=0,
        run_seconds=run_seconds,
        load_seconds=9.0,
    )


def test_speed_is_of_the_run_without_loading() -> None:
    """Events over run seconds; a run of no time has no speed."""
    assert 25.0 == replay_result(100, 4.0).events_per_second
    assert 0.0 == replay_result(0, 0.0).events_per_second


def test_period_in_days() -> None:
    """A day and a half is 1.5."""
    assert 1.5 == days_between(0, DAY_NS * 3 // 2)
