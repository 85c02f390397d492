"""The band changes nothing but the speed: an agent that values the account at every event decides the same."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from meva_core.agent.account_watch import AccountWatch
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.commands import PlaceOrder
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent
from tests.unit.agent.case import BUY, COIN, GOLD, RARE, SELL, Asked, Run, config

PRICES = {COIN: 1_000, GOLD: 500, RARE: 40}


def without_bands(agent: AgentOrchestrator) -> AgentOrchestrator:
    """Return the agent, made to value the account exactly at every event."""
    account: Any = agent.account
    paths = [path for path, *_ in account._routes]

    def close_bands() -> None:
        for path in paths:
            path.low = path.high = 0

    account._set_bands = close_bands
    close_bands()
    return agent


def swinging(ctx: SignalContext) -> Signal | None:
    """Buy at an even price while flat, sell at one that three divides while long."""
    if ctx.stance <= 0 and ctx.price_ticks % 2 == 0:
        return Signal(BUY, Decimal(5), "even")
    if ctx.stance > 0 and ctx.price_ticks % 3 == 0 and ctx.sellable >= 1:
        return Signal(SELL, ctx.sellable, "third", reduce_only=True)
    return None


def lead(agent: AgentOrchestrator, script: list[tuple[str, int, int]]) -> Run:
    """Walk the prices of *script*; every order fills at the next price of its symbol."""
    run = Run(agent, tuple(PRICES))
    prices, waiting = dict(PRICES), []
    for symbol, move, pause_s in script:
        prices[symbol] = max(1, prices[symbol] + move)
        due = [each for each in waiting if each.request.symbol == symbol]
        waiting = [each for each in waiting if each.request.symbol != symbol]
        for command in due:
            run.fill(command.request, prices[symbol], fee=1)
        outcome = run.trade(prices[symbol], symbol, after_ns=pause_s * 10**9 + 1)
        waiting += [command for command in outcome.commands if isinstance(command, PlaceOrder)]
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                run.acknowledge(command.request)
    return run


def facts(run: Run) -> dict[str, Any]:
    """Return everything that may not differ."""
    account: AccountWatch = run.agent.account
    flags = run.state.runtime_flags
    return {
        "decisions": run.agent.decision_hash,
        "state": run.agent.state_hash(),
        "account": account.snapshot(),
        "gate": (flags.gate, flags.gate_epoch, {code: each.since_ns for code, each in flags.markers.items()}),
        "records": [repr(outcome.records) for outcome in run.outcomes],
    }


@settings(max_examples=150, deadline=None)
@given(
    script=st.lists(
        st.tuples(
            st.sampled_from(sorted(PRICES)),
            st.integers(-60, 60),
            st.sampled_from([0, 0, 0, 1, 3_600, 86_400]),
        ),
        min_size=5,
        max_size=60,
    ),
    daily_loss=st.integers(50, 3_000),
    drawdown=st.integers(50, 5_000),
    resumes=st.booleans(),
)
def test_bands_change_nothing_but_the_speed(
    script: list[tuple[str, int, int]], daily_loss: int, drawdown: int, resumes: bool
) -> None:
    """Decisions, gate, peak and maximum drawdown are those of an account valued at every event."""
    settings_ = config(
        symbols=tuple(PRICES),
        balances={"USD": 100_000, "COIN": 7, "RARE": 3},
        daily_loss_limit=Decimal(daily_loss),
        max_drawdown_limit=Decimal(drawdown),
        resume_after_daily_loss=resumes,
        price_collar_bps=Decimal(9_000),
        max_data_age_ms=10**9,
    )
    make: Callable[[], AgentOrchestrator] = lambda: compose_agent(  # noqa: E731
        settings_, [ConfiguredStrategy("main", Asked(answer=swinging))]
    )

    assert facts(lead(without_bands(make()), script)) == facts(lead(make(), script))


def test_most_events_of_a_quiet_market_need_no_valuation() -> None:
    """The band is wide enough to be worth having."""
    agent = compose_agent(config(balances={"USD": 100_000, "COIN": 7}), [])
    account: Any = agent.account
    valued = []
    mark = account.mark
    account.mark = lambda: (valued.append(1), mark())[1]
    run = Run(agent)
    for price in (1_000, 1_300, 900, *([950, 1_000, 1_100, 1_050] * 50)):
        run.trade(price)

    assert len(valued) < 8
