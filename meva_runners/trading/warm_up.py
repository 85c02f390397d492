"""Begin live trading with a share of the exposure limit, and restore it after some minutes; both are journaled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.config.schema import AppConfig
from meva_core.events import RiskBudgetRequested
from meva_core.model.money import EXACT
from meva_core.ports.clock import Clock

ACTOR: Final = "runner, warming up"


async def warm_up(
    agent: AgentOrchestrator,
    config: AppConfig,
    clock: Clock,
    ask: Callable[[RiskBudgetRequested], Awaitable[None]],
) -> None:
    """Lower the limit now and raise it again in time, unless an operator or the treasury has changed it meanwhile.

    A process that ends before that leaves it low: the next one does not know what was meant, so an operator raises it.
    """
    runtime = config.runtime
    if not runtime.warm_up_minutes:
        return
    limits = agent.state().risk_limits
    before = limits.max_portfolio_exposure
    reduced = min(before, EXACT.multiply(config.risk.max_portfolio_exposure, runtime.warm_up_share))
    await _set(reduced, "down", clock, ask)
    await asyncio.sleep(runtime.warm_up_minutes * 60)
    if limits.max_portfolio_exposure == reduced:
        await _set(before, "up", clock, ask)


async def _set(
    budget: Decimal, what: str, clock: Clock, ask: Callable[[RiskBudgetRequested], Awaitable[None]]
) -> None:
    now_ns = clock.now_ns()
    await ask(RiskBudgetRequested(now_ns, f"warm-up-{what}-{now_ns}", ACTOR, budget))
