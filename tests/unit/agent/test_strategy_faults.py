"""A strategy that fails is switched off, everywhere and at once; everybody else goes on."""

from __future__ import annotations

from typing import Any

import pytest

from meva_core.commands import AlertLevel
from meva_core.data.features import Feature
from meva_core.events import TimerFired
from meva_core.model.market import Candle
from meva_core.ops.log_records import AlertRaised, SignalDecided
from meva_core.signals.strategy import Signal, SignalContext
from tests.unit.agent.case import COIN, GOLD, SECOND, Asked, buy, run

FATAL_PRICE = 113


def fails_at_the_fatal_price(price: float) -> bool:
    """Raise there, else return true."""
    if price == FATAL_PRICE:
        message = "not that one"
        raise ZeroDivisionError(message)
    return True


def fatal_answer(ctx: SignalContext) -> Signal | None:
    """Answer nothing, if at all."""
    fails_at_the_fatal_price(ctx.price_ticks)
    return None


class Fragile(Feature):
    """Remember the last price; fail at the fatal one, and at a candle in which nothing was traded."""

    warm_up = 1

    def __init__(self) -> None:
        self.last = 0

    def update(self, price: int, quantity: int) -> None:
        fails_at_the_fatal_price(price)
        self.last = price

    def update_candle(self, candle: Candle) -> None:
        fails_at_the_fatal_price(candle.close if candle.volume else FATAL_PRICE)

    @property
    def value(self) -> float:
        return float(self.last)

    def snapshot(self) -> list[Any]:
        return [self.last]

    def restore(self, memory: list[Any]) -> None:
        [self.last] = memory


FAULTS = {
    "acts": Asked(guard=lambda features, _: fails_at_the_fatal_price(features.average.value)),
    "features": Asked(declared=lambda: {"fragile": Fragile()}),
    "generate_signal": Asked(fatal_answer),
    "a wrong answer": Asked(lambda ctx: "buy" if ctx.price_ticks == FATAL_PRICE else None),  # type: ignore[arg-type, return-value]
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_strategy_that_fails_is_switched_off(fault: str) -> None:
    """Wherever it fails; a person is called once, however often the fatal price returns."""
    lead = run(FAULTS[fault])

    for price in (112, FATAL_PRICE, 112, FATAL_PRICE):
        lead.trade(price)

    [alert] = [record.alert for record in lead.records(AlertRaised)]
    assert {"main": False} == lead.state.runtime_flags.strategy_enabled
    assert (AlertLevel.CRITICAL, "strategy_failed", "main") == (alert.level, alert.code, alert.subject)
    assert "strategy main on COIN/USD" in alert.message


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_one_decision(fault: str) -> None:
    """What is switched off is not asked again, so it fails once."""
    lead = run(FAULTS[fault])

    for price in (112, FATAL_PRICE, FATAL_PRICE):
        lead.trade(price)

    assert ["disable main COIN/USD"] == [text for each in lead.outcomes for text in each.decisions][:1]
    assert () == lead.outcomes[-1].decisions


@pytest.mark.parametrize("fault", FAULTS)
def test_the_others_go_on(fault: str) -> None:
    """A strategy behind the one that fails sees the same event, and all that follow."""
    seen: list[int] = []
    lead = run(FAULTS[fault], Asked(lambda ctx: seen.append(ctx.price_ticks)))

    for price in (112, FATAL_PRICE, 111):
        lead.trade(price)

    assert [112, FATAL_PRICE, 111] == seen
    assert {"main": False, "second": True} == lead.state.runtime_flags.strategy_enabled


def test_a_strategy_that_fails_on_one_symbol_stops_on_all() -> None:
    """A fault is in the code, and the code is the same everywhere."""
    lead = run(Asked(lambda ctx: fatal_answer(ctx) or buy()), symbols=(COIN, GOLD))

    lead.trade(FATAL_PRICE, COIN)
    lead.trade(112, GOLD)

    assert [] == lead.records(SignalDecided)


def test_a_feature_may_fail_at_any_of_several_candles() -> None:
    """A silence closes several candles at once; the first of them is no less protected than the last."""
    lead = run(Asked(declared=lambda: {"fragile": Fragile()}, timeframe="1m"))

    lead.trade(112)
    lead.handle(TimerFired(lead.now_ns + 300 * SECOND, "candles"))

    assert {"main": False} == lead.state.runtime_flags.strategy_enabled


def test_positions_and_orders_of_a_failed_strategy_stay() -> None:
    """To close them is a decision, and nobody is left to take it."""
    lead = run(Asked(lambda ctx: fatal_answer(ctx) or (None if ctx.stance else buy(2))))

    lead.trade(100)
    [request] = lead.placed()
    lead.fill(request, 100, 1)
    lead.trade(FATAL_PRICE)

    assert [request.client_order_id] == list(lead.state.open_orders)
    assert [] == lead.cancels()
