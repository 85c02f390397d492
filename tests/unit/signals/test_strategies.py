"""The shipped strategies obey their written rules, and their guards never sleep through a signal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_core.errors import ConfigError
from meva_core.model.market import Side
from meva_core.signals.strategies.mean_reversion import MeanReversion
from meva_core.signals.strategies.momentum import Momentum
from meva_core.signals.strategies.parts import tail_confidence
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_core.signals.strategy import Strategy
from meva_core.signals.validation import SignalLimits, validate_signal
from tests.unit.signals.case import BTC, context, sides, walk

BUY, SELL = Side.BUY, Side.SELL
CROSS = SmaCross(fast=1, slow=2)
REVERSION = MeanReversion(window=5, entry_z=1.5, notional=Decimal(50))
TREND = Momentum(lookback=4, entry_score=1.0, notional=Decimal(50))

# Wild markets, and calm ones in which single ticks decide.
prices = st.lists(st.integers(9_000, 11_000), max_size=60) | st.lists(st.integers(9_998, 10_002), max_size=60)


@pytest.mark.parametrize("strategy", [CROSS, REVERSION, TREND])
@given(prices, st.sampled_from(["0", "0.5"]))
def test_a_guard_never_sleeps_through_a_signal(strategy: Strategy, market: list[int], held: str) -> None:
    """Whenever the strategy would answer, `acts` is true: asking it more often changes nothing."""
    steps = walk(strategy, market, held=held)

    assert [] == [step for step in steps if step.signal is not None and not step.woke]


@pytest.mark.parametrize("strategy", [CROSS, REVERSION, TREND])
@given(prices)
def test_strategies_are_long_or_flat(strategy: Strategy, market: list[int]) -> None:
    """Buys and sells alternate, starting with a buy."""
    found = [side for _, side in sides(walk(strategy, market))]

    assert ([BUY, SELL] * len(found))[: len(found)] == found


@pytest.mark.parametrize("strategy", [CROSS, REVERSION, TREND])
@given(prices)
def test_every_signal_is_valid(strategy: Strategy, market: list[int]) -> None:
    """Whatever the market does, validation has nothing to refuse."""
    reasons = [
        validate_signal(step.signal, context(price=step.price), SignalLimits())
        for step in walk(strategy, market)
        if step.signal is not None
    ]

    assert [None] * len(reasons) == reasons


def test_cross_trades_on_strict_crossings_alone() -> None:
    """Equal averages keep what is held: nothing at the second 100, nothing at the second 120."""
    steps = walk(CROSS, [100, 100, 110, 120, 120, 110, 110])

    assert [(110, BUY), (110, SELL)] == sides(steps)


def test_cross_compares_exactly() -> None:
    """Averages of prices beyond 2**53 that differ by a fraction of a tick still differ."""
    huge = 2**60
    steps = walk(SmaCross(fast=2, slow=3), [huge, huge, huge + 1])

    assert [(huge + 1, BUY)] == sides(steps)


def test_cross_signals_state_their_numbers() -> None:
    """Buy the fixed quantity with the gap as edge; sell everything held, as a reduction."""
    buy, sell = (step.signal for step in walk(CROSS, [100, 110, 90]))

    assert buy is not None
    assert sell is not None
    assert (Decimal("0.1"), 1.0, 10_000 * (220 - 210) / 210) == (buy.quantity, buy.confidence, buy.edge_bps)
    assert (Decimal("0.1"), True) == (sell.quantity, sell.reduce_only)


def test_dust_is_not_sold() -> None:
    """Less than one lot cannot be traded, so nothing is asked for."""
    assert [] == sides(walk(CROSS, [100, 90, 80], held="0.000009"))


def test_reversion_buys_the_dip_and_sells_at_the_mean() -> None:
    """A fall of more than 1.5 deviations is bought; the first price at or above the mean is sold."""
    steps = walk(REVERSION, [10_000, 10_010, 10_000, 10_010, 9_900, 9_950, 10_000])

    assert [(9_900, BUY), (10_000, SELL)] == sides(steps)


def test_reversion_states_confidence_and_edge() -> None:
    """At z = -2 exactly: confidence 3/4; the edge is the way to the mean; the size what 50 USDT buy."""
    steps = walk(REVERSION, [10_000, 10_000, 10_000, 10_000, 9_000])
    signal = steps[-1].signal

    assert signal is not None
    assert pytest.approx(0.75, abs=1e-12) == signal.confidence
    assert pytest.approx(10_000 * 800 / 9_000) == signal.edge_bps
    assert Decimal("0.55555") == signal.quantity


def test_momentum_follows_a_rise_until_it_is_undone() -> None:
    """A steady rise is bought, a pause is held, a fall below the price of four samples ago is sold."""
    steps = walk(TREND, [10_000, 10_010, 10_020, 10_030, 10_040, 10_040, 10_040, 10_040, 10_039, 10_030])

    assert [(10_040, BUY), (10_039, SELL)] == sides(steps)


def test_momentum_states_confidence_and_edge() -> None:
    """A straight line of four scores 2: confidence 3/4 of the return of 40 on 10,000."""
    signal = walk(TREND, [10_000, 10_010, 10_020, 10_030, 10_040])[0].signal

    assert signal is not None
    assert (0.75, 30.0) == (signal.confidence, signal.edge_bps)


def test_a_fixed_quantity_wins_over_the_notional() -> None:
    """It is what the user wrote last."""
    fixed = Momentum(lookback=4, entry_score=1.0, quantity=Decimal("0.25"))

    signal = walk(fixed, [10_000, 10_010, 10_020, 10_030, 10_040])[0].signal

    assert signal is not None
    assert Decimal("0.25") == signal.quantity


@pytest.mark.parametrize(("score", "expected"), [(0.5, 0), (1, 0), (-2, 0.75), (2, 0.75), (4, 0.9375)])
def test_confidence_is_chebyshevs(score: float, expected: float) -> None:
    """At most `1 / score**2` of any distribution lies further out, so that much doubt remains."""
    assert expected == tail_confidence(score)


@pytest.mark.parametrize(
    ("strategy", "parameters", "problem"),
    [
        (SmaCross, {"fast": 30}, r"fast \(30\) must be smaller than slow \(30\)"),
        (SmaCross, {"quantity": Decimal(0)}, r"quantity \(0\) must be positive"),
        (SmaCross, {"quantity": Decimal("NaN")}, "quantity"),
        (MeanReversion, {"entry_z": 0.0}, "entry_z"),
        (MeanReversion, {"entry_z": float("nan")}, "entry_z"),
        (MeanReversion, {"exit_z": 2.0}, r"must be above exit_z \(2.0\)"),
        (MeanReversion, {"notional": Decimal(-1)}, "notional"),
        (Momentum, {"entry_score": -0.1}, "entry_score"),
        (Momentum, {"entry_score": 3.0, "lookback": 8}, r"0\.\.sqrt\(lookback 8\)"),
        (Momentum, {"quantity": Decimal("Infinity")}, "quantity"),
    ],
)
def test_impossible_parameters_are_refused(
    strategy: type[Strategy], parameters: dict[str, Any], problem: str
) -> None:
    """When the strategy is built, with the value that was found."""
    with pytest.raises(ConfigError, match=problem):
        strategy(**parameters)


def test_all_impossible_parameters_are_named_at_once() -> None:
    """Nobody mends one to be told of the next."""
    with pytest.raises(ConfigError) as caught:
        SmaCross(fast=5, slow=5, quantity=Decimal(0))

    assert 2 == len(caught.value.problems)


def test_the_shared_market_is_on_its_grid() -> None:
    """The fill of every test above is a whole number of lots."""
    assert 55_555 == BTC.lots(Decimal("0.55555"))
