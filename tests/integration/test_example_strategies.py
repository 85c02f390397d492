"""The example strategies are as short as promised, registrable, and trade as they say."""

from __future__ import annotations

import inspect

import pytest

from examples.strategies.donchian_breakout import DonchianBreakout
from examples.strategies.rsi_dip import RsiDip
from meva_core.model.market import Side
from meva_core.signals.strategy import Strategy
from meva_core.signals.strategy_registry import StrategyRegistry
from tests.unit.signals.case import sides, walk


@pytest.mark.parametrize("example", [DonchianBreakout, RsiDip])
def test_an_example_is_a_short_strategy(example: type[Strategy]) -> None:
    """A whole strategy fits in 25 lines, docstrings included."""
    StrategyRegistry({"example": example})

    assert len(inspect.getsource(example).splitlines()) <= 25


def test_the_breakout_buys_highs_and_sells_lows() -> None:
    """A new high of three samples is bought, a new low of two is sold."""
    steps = walk(DonchianBreakout(entry=3, exit=2), [100, 105, 102, 106, 107, 104], guarded=True)

    assert [(106, Side.BUY), (104, Side.SELL)] == sides(steps)


def test_the_dip_buys_falls_and_sells_when_even() -> None:
    """Falls alone are bought; once rises make up half of all movement it is sold."""
    steps = walk(RsiDip(size=2), [100, 98, 96, 99], guarded=True)

    assert [(96, Side.BUY), (99, Side.SELL)] == sides(steps)
