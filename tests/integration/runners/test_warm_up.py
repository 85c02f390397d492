"""The first minutes of live trading run at a reduced limit, and what people set meanwhile stays."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_core.config.schema import AppConfig
from meva_core.events import RiskBudgetRequested
from meva_runners.composition import compose_agent
from meva_runners.trading.warm_up import warm_up
from tests.replay.case import config


class Warming:
    """Hold an agent that warms up for some hundredths of a second."""

    def __init__(self, minutes: float = 0.001) -> None:
        limits = ("risk.max_position_notional_per_symbol=1000", "risk.max_notional_per_trade=1000")
        plain = config("risk.max_portfolio_exposure=1000", *limits)
        self.config: AppConfig = evolve(plain, runtime=evolve(plain.runtime, warm_up_minutes=minutes))
        self.agent = compose_agent(self.config, [])
        self.asked: list[Decimal] = []

    async def ask(self, event: RiskBudgetRequested) -> None:
        self.asked.append(event.new_budget)
        self.agent.handle(event)

    async def run(self) -> None:
        await warm_up(self.agent, self.config, SystemClock(), self.ask)

    @property
    def limit(self) -> Decimal:
        return self.agent.state().risk_limits.max_portfolio_exposure


async def test_the_limit_is_a_share_at_first_and_whole_afterwards() -> None:
    """A tenth at once, everything after the minutes; both are requests, so both are journaled."""
    warming = Warming()
    await warming.run()

    assert [Decimal(100), Decimal(1000)] == warming.asked
    assert Decimal(1000) == warming.limit


async def test_a_limit_that_somebody_set_meanwhile_stays() -> None:
    """Who lowers the budget during the warm-up has the last word."""
    warming = Warming()
    task = asyncio.create_task(warming.run())
    await asyncio.sleep(0)
    warming.agent.handle(RiskBudgetRequested(0, "by hand", "ann", Decimal(50)))
    await task

    assert Decimal(50) == warming.limit


async def test_a_lower_limit_is_not_raised_by_a_start() -> None:
    """A budget below the share stays what it is."""
    warming = Warming()
    warming.agent.handle(RiskBudgetRequested(0, "by hand", "ann", Decimal(50)))
    await warming.run()

    assert Decimal(50) == warming.limit


async def test_without_minutes_there_is_no_warm_up() -> None:
    """Zero switches it off."""
    warming = Warming(minutes=0)
    await warming.run()

    assert [] == warming.asked
