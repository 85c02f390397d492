"""Bad market data is named, never raised; good data is remembered, bad data is not."""

from __future__ import annotations

import json

import pytest

from meva_core.data.quality import (
    DataProblem,
    TradeQuality,
    age_ns,
    quote_problem,
    staleness_problem,
    update_id_problem,
)

Trade = tuple[int, int, int, int]


def after_one_trade() -> TradeQuality:
    """Return a judge that has seen a good trade: time 100, price 1,000, id 7."""
    quality = TradeQuality()
    assert quality.problem(100, 1_000, 1, 7) is None
    return quality


@pytest.mark.parametrize(
    ("trade", "expected"),
    [
        ((100, 1_001, 1, 8), None),
        ((100, 1_001, 1, 99), None),  # A skipped id is a lost trade, not a bad one.
        ((100, 1_001, 1, -1), None),
        ((99, 1_001, 1, 8), DataProblem.TIME_FELL),
        ((101, 0, 1, 8), DataProblem.PRICE_NOT_POSITIVE),
        ((101, -5, 1, 8), DataProblem.PRICE_NOT_POSITIVE),
        ((101, 1_001, 0, 8), DataProblem.QUANTITY_NOT_POSITIVE),
        ((101, 1_001, 1, 7), DataProblem.DUPLICATE_TRADE_ID),
        ((101, 1_001, 1, 6), DataProblem.TRADE_ID_FELL),
        ((101, 1_500, 1, 8), None),
        ((101, 500, 1, 8), None),
        ((101, 1_501, 1, 8), DataProblem.PRICE_JUMP),
        ((101, 499, 1, 8), DataProblem.PRICE_JUMP),
    ],
)
def test_each_fault_of_a_trade_has_its_name(trade: Trade, expected: DataProblem | None) -> None:
    """Measured against the last good trade: time 100, price 1,000, id 7, a jump of at most half."""
    assert expected == after_one_trade().problem(*trade)


def test_a_refused_trade_leaves_no_mark() -> None:
    """The next good one is measured against the last good one."""
    quality = after_one_trade()

    quality.problem(5_000, -1, 1, 8)
    quality.problem(5_000, 10_000, 1, 8)

    assert quality.problem(101, 1_010, 1, 9) is None
    assert (101, 1_010) == (quality.last_ns, quality.last_price)


def test_two_trades_in_a_row_make_a_new_level() -> None:
    """One far price is an error; a second near it is the market."""
    quality = after_one_trade()

    assert DataProblem.PRICE_JUMP == quality.problem(101, 10_000, 1, 8)
    assert quality.problem(102, 10_010, 1, 9) is None
    assert DataProblem.PRICE_JUMP == quality.problem(103, 1_000, 1, 10)


def test_two_far_trades_with_a_good_one_between_are_two_errors() -> None:
    """A suspicion ends with the next good trade."""
    quality = after_one_trade()

    outcomes = [quality.problem(101, price, 1, -1) for price in (10_000, 1_000, 10_000)]

    assert [DataProblem.PRICE_JUMP, None, DataProblem.PRICE_JUMP] == outcomes


def test_a_restored_judge_goes_on_the_same() -> None:
    """Also in the middle of a suspicion."""
    quality, restored = after_one_trade(), TradeQuality()
    quality.problem(101, 10_000, 1, 8)

    restored.restore(json.loads(json.dumps(quality.snapshot())))

    assert restored.problem(102, 10_010, 1, 9) is None
    assert DataProblem.DUPLICATE_TRADE_ID == restored.problem(103, 10_010, 1, 9)


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ((100, 1, 101, 1), None),
        ((101, 1, 101, 1), DataProblem.CROSSED_QUOTE),
        ((102, 1, 101, 1), DataProblem.CROSSED_QUOTE),
        ((0, 1, 101, 1), DataProblem.PRICE_NOT_POSITIVE),
        ((100, 1, 101, 0), DataProblem.QUANTITY_NOT_POSITIVE),
    ],
)
def test_each_fault_of_a_quote_has_its_name(
    quote: tuple[int, int, int, int], expected: DataProblem | None
) -> None:
    """A locked market counts as crossed: one of its two sides is old."""
    assert expected == quote_problem(*quote)


@pytest.mark.parametrize(
    ("first_id", "final_id", "expected"),
    [
        (11, 15, None),
        (8, 11, None),
        (12, 15, DataProblem.UPDATE_ID_GAP),
        (8, 10, DataProblem.UPDATE_ID_FELL),
    ],
)
def test_update_ids_continue_or_say_why_not(
    first_id: int, final_id: int, expected: DataProblem | None
) -> None:
    """After update 10, a change continues if and only if it contains update 11 (I22)."""
    assert expected == update_id_problem(10, first_id=first_id, final_id=final_id)


@pytest.mark.parametrize(
    ("last_ns", "expected"), [(50, None), (49, DataProblem.STALE), (0, DataProblem.STALE), (200, None)]
)
def test_old_data_is_stale(last_ns: int, expected: DataProblem | None) -> None:
    """At time 100 with 50 allowed; a symbol never heard of is stale, one from "the future" is not."""
    assert expected == staleness_problem(last_ns, now_ns=100, age_ns_max=50)


def test_age_is_never_negative() -> None:
    """A timer may be older than the last trade."""
    assert (40, 0) == (age_ns(60, now_ns=100), age_ns(101, now_ns=100))
