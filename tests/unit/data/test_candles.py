"""Candles hold exactly the trades of their time, close no earlier, and treat silence by one stated rule."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.data.candles import CandleAggregator, CandleBuilder
from meva_core.errors import ConfigError, InvariantError
from meva_core.model.market import Candle

MINUTE = 60

# (time, price, lots), with pauses from none to several candles.
pauses = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 100), st.integers(1, 9)), max_size=30)


def trades_of(steps: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return trades whose times are the running sums of the pauses."""
    time_ns, trades = 1_000, []
    for pause, price, lots in steps:
        time_ns += pause
        trades.append((time_ns, price, lots))
    return trades


def test_a_candle_holds_the_trades_of_its_time() -> None:
    """Open, high, low, close and volume are those of 60 <= t < 120; the trade at 120 closes it."""
    builder = CandleBuilder(MINUTE)
    for time_ns, price, lots in ((61, 10, 1), (70, 14, 2), (80, 8, 3), (119, 11, 4)):
        assert () == builder.on_trade(time_ns, price, lots)

    closed = builder.on_trade(120, 99, 5)

    assert (Candle(60, 120, open=10, high=14, low=8, close=11, volume=10),) == closed


def test_the_next_close_is_known() -> None:
    """A hot loop may compare times with it; before the first trade nothing is open."""
    builder = CandleBuilder(MINUTE)

    assert 0 == builder.close_ns
    builder.on_trade(61, 10, 1)
    assert 120 == builder.close_ns


def test_a_timer_closes_a_candle_too() -> None:
    """At its close, not before."""
    builder = CandleBuilder(MINUTE)
    builder.on_trade(61, 10, 1)

    assert () == builder.close_due(119)
    assert (Candle(60, 120, 10, 10, 10, 10, 1),) == builder.close_due(120)


def test_silence_gives_flat_candles() -> None:
    """They stand at the last close, without volume."""
    builder = CandleBuilder(MINUTE)
    builder.on_trade(61, 10, 1)

    closed = builder.on_trade(250, 20, 1)

    assert [(60, 10, 1), (120, 10, 0), (180, 10, 0)] == [
        (each.open_ns, each.high, each.volume) for each in closed
    ]
    assert (0, 0) == (builder.gaps, builder.skipped)


def test_long_silence_is_a_gap() -> None:
    """Two flat candles follow, then the rest is skipped and counted."""
    builder = CandleBuilder(MINUTE, flat_candles_max=2)
    builder.on_trade(61, 10, 1)

    closed = builder.on_trade(60 * 1_000_001, 20, 1)

    assert [60, 120, 180] == [each.open_ns for each in closed]
    assert (1, 1_000_001 - 4) == (builder.gaps, builder.skipped)
    assert 60 * 1_000_002 == builder.close_ns


def test_each_silence_is_measured_alone() -> None:
    """Two pauses within the limit are no gap together."""
    builder = CandleBuilder(MINUTE, flat_candles_max=2)

    closed = [each.open_ns for time_ns in (61, 250, 430) for each in builder.on_trade(time_ns, 10, 1)]

    assert [60, 120, 180, 240, 300, 360] == closed
    assert 0 == builder.gaps


@given(pauses, st.lists(st.integers(0, 2_000), max_size=20))
def test_timers_change_nothing_but_the_moment(steps: list[tuple[int, int, int]], timers: list[int]) -> None:
    """With or without timers the same candles come, in the same order, and the same memory stays."""
    trades = trades_of(steps)
    last_ns = trades[-1][0] if trades else 0
    alone, timed = CandleBuilder(MINUTE, flat_candles_max=2), CandleBuilder(MINUTE, flat_candles_max=2)
    expected = [candle for trade in trades for candle in alone.on_trade(*trade)]

    found: list[Candle] = []
    waiting = sorted(1_000 + timer for timer in timers if 1_000 + timer <= last_ns)
    for trade in trades:
        while waiting and waiting[0] <= trade[0]:
            found += timed.close_due(waiting.pop(0))
        found += timed.on_trade(*trade)

    assert expected == found
    assert alone.snapshot() == timed.snapshot()


@given(pauses)
def test_nothing_is_lost_or_invented(steps: list[tuple[int, int, int]]) -> None:
    """All volume is in some candle, candles follow without overlap, and bounds hold."""
    trades = trades_of(steps)
    builder = CandleBuilder(MINUTE)

    candles = [candle for trade in trades for candle in builder.on_trade(*trade)]
    candles += builder.close_due(builder.close_ns)

    assert sum(lots for _, _, lots in trades) == sum(candle.volume for candle in candles)
    for left, right in pairwise(candles):
        assert left.close_ns == right.open_ns
    for candle in candles:
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high


@given(pauses, st.integers(0, 30))
def test_a_restored_builder_goes_on_the_same(steps: list[tuple[int, int, int]], cut: int) -> None:
    """A checkpoint through JSON between any two trades changes no later candle."""
    trades = trades_of(steps)
    kept = CandleBuilder(MINUTE, flat_candles_max=2)
    for trade in trades[:cut]:
        kept.on_trade(*trade)
    restored = CandleBuilder(MINUTE, flat_candles_max=2)

    restored.restore(json.loads(json.dumps(kept.snapshot())))

    assert [kept.on_trade(*trade) for trade in trades[cut:]] == [
        restored.on_trade(*trade) for trade in trades[cut:]
    ]


@given(pauses)
def test_longer_candles_equal_those_built_from_trades(steps: list[tuple[int, int, int]]) -> None:
    """Five minutes from minutes are five minutes from trades, as far as both have closed."""
    direct, minutes, joined = CandleBuilder(5 * MINUTE), CandleBuilder(MINUTE), CandleAggregator(5 * MINUTE)
    expected: list[Candle] = []
    found: list[Candle] = []
    for trade in trades_of(steps):
        expected += direct.on_trade(*trade)
        for candle in minutes.on_trade(*trade):
            found += joined.on_candle(candle)

    assert expected == found


def test_a_longer_candle_closes_with_its_last_part() -> None:
    """Nobody waits for the next one, and nothing of it enters."""
    joined = CandleAggregator(120)

    assert () == joined.on_candle(Candle(0, 60, 10, 12, 9, 11, 1))
    assert (Candle(0, 120, 10, 15, 8, 14, 3),) == joined.on_candle(Candle(60, 120, 11, 15, 8, 14, 2))


def test_a_missing_last_part_closes_late() -> None:
    """The next part shows that the last one never came."""
    joined = CandleAggregator(120)
    joined.on_candle(Candle(0, 60, 10, 12, 9, 11, 1))

    closed = joined.on_candle(Candle(180, 240, 20, 20, 20, 20, 1))

    assert (Candle(0, 120, 10, 12, 9, 11, 1), Candle(120, 240, 20, 20, 20, 20, 1)) == closed


def test_filled_silence_has_no_price_of_its_own() -> None:
    """Flat parts around a trade do not widen the longer candle; alone they make it flat."""
    joined = CandleAggregator(180)
    silence, trade = Candle(0, 60, 10, 10, 10, 10, 0), Candle(60, 120, 20, 21, 19, 20, 5)

    closed = [joined.on_candle(part) for part in (silence, trade, Candle(120, 180, 20, 20, 20, 20, 0))]
    flat = [joined.on_candle(Candle(180 + at, 240 + at, 9, 9, 9, 9, 0)) for at in (0, 60, 120)]

    assert (Candle(0, 180, 20, 21, 19, 20, 5),) == closed[-1]
    assert (Candle(180, 360, 9, 9, 9, 9, 0),) == flat[-1]


def test_a_restored_aggregator_goes_on_the_same() -> None:
    """With and without an open candle."""
    empty, kept, restored = CandleAggregator(120), CandleAggregator(120), CandleAggregator(120)
    kept.on_candle(Candle(0, 60, 10, 12, 9, 11, 1))
    last = Candle(60, 120, 11, 15, 8, 14, 2)

    restored.restore(json.loads(json.dumps(kept.snapshot())))
    empty.restore(json.loads(json.dumps(CandleAggregator(120).snapshot())))

    assert kept.on_candle(last) == restored.on_candle(last)
    assert [120, None] == empty.snapshot()


@pytest.mark.parametrize("part", [Candle(60, 180, 1, 1, 1, 1, 1), Candle(0, 60, 1, 1, 1, 1, 1)])
def test_parts_nest_and_come_in_order(part: Candle) -> None:
    """A part across two longer candles, or from the past, is a bug of the caller."""
    joined = CandleAggregator(120)
    joined.on_candle(Candle(120, 180, 1, 1, 1, 1, 1))

    with pytest.raises(InvariantError, match="nest"):
        joined.on_candle(part)


def test_impossible_settings_are_refused() -> None:
    """So is a checkpoint of another timeframe."""
    with pytest.raises(ConfigError, match="timeframe_ns=0"):
        CandleBuilder(0)
    with pytest.raises(ConfigError, match="flat_candles_max=-1"):
        CandleBuilder(MINUTE, flat_candles_max=-1)
    with pytest.raises(ConfigError, match="-5"):
        CandleAggregator(-5)
    with pytest.raises(InvariantError, match="60 ns in a builder of 120 ns"):
        CandleBuilder(120).restore(CandleBuilder(60).snapshot())
