"""Sum up what a run did as one result; calculate nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from meva_adapters.wire.times import text_of_ns
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.config.schema import AppConfig
from meva_core.model.state import Gate
from meva_core.ops.reporting import ReplayResult, RunStatistics
from meva_runners.composition import ConfiguredStrategy


@frozen(kw_only=True)
class RunFacts:
    """Hold what a result says about its run beside what happened in it; *symbols* are those that might be heard of."""

    config_hash: str
    tape_hash: str
    source: str
    symbols: tuple[str, ...]
    mode: str = "replay"
    warnings: tuple[str, ...] = ()


@frozen(kw_only=True)
class RunSpan:
    """Say how much of the market a run saw, and how long it took; *load_seconds* is the time before its first event."""

    events: int
    first_ns: int
    last_ns: int
    run_seconds: float
    load_seconds: float


def run_result(
    agent: AgentOrchestrator,
    statistics: RunStatistics,
    config: AppConfig,
    strategies: Sequence[ConfiguredStrategy],
    *,
    facts: RunFacts,
    span: RunSpan,
) -> ReplayResult:
    """Return what happened to *agent*, as *statistics* counted it."""
    state, account = agent.state(), agent.account
    return ReplayResult(
        summary=statistics.summary(
            first_ns=span.first_ns,
            last_ns=span.last_ns,
            start_equity=account.start_equity,
            final_equity=account.equity,
            max_drawdown=account.max_drawdown,
        ),
        events=span.events,
        realized_pnl=state.pnl.realized,
        unrealized_pnl=state.pnl.unrealized,
        fees=state.pnl.fees,
        decision_hash=agent.decision_hash,
        state_hash=agent.state_hash(),
        config_hash=facts.config_hash,
        tape_hash=facts.tape_hash,
        seed=config.seed,
        run_seconds=span.run_seconds,
        load_seconds=span.load_seconds,
        mode=facts.mode,
        source=facts.source,
        symbols=_heard(agent, facts.symbols),
        strategies=tuple(_described(item) for item in strategies),
        warnings=(*facts.warnings, *_warnings(agent, span)),
    )


def _heard(agent: AgentOrchestrator, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of *symbols* of which something was heard; all of them where nothing was heard at all."""
    market = agent.services.market_data.market
    return tuple(symbol for symbol in symbols if market(symbol).last_ns) or symbols


def _warnings(agent: AgentOrchestrator, span: RunSpan) -> Iterator[str]:
    flags = agent.state().runtime_flags
    if flags.gate is not Gate.OPEN:
        since = text_of_ns(min(marker.since_ns for marker in flags.markers.values()))
        yield f"trading was {flags.gate.name.lower()} at the end, since {since}: {flags.pause_reason}"
    for name, enabled in flags.strategy_enabled.items():
        if not enabled:
            yield f"strategy {name} is switched off: it failed, as the log says, or was not enabled"
    for cause, count in agent.data_problems().items():
        yield f"market data was not used: {cause}, {count:,} times"
    if not span.events:
        yield "no event lies in the period"


def _described(item: ConfiguredStrategy) -> str:
    text = repr(item.strategy)
    return f"{item.name}{text[text.index('(') :]}" if "(" in text else item.name
