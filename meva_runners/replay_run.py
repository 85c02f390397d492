"""Run one agent over tapes on a simulated venue, watch it, and sum up what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import frozen

from meva_adapters.storage.codec import decode, encode
from meva_adapters.wire.times import text_of_ns
from meva_core.agent.decider import STRATEGY_FAILED
from meva_core.agent.outbox import Outcome
from meva_core.config.schema import AppConfig
from meva_core.errors import StrategyError
from meva_core.model.money import plain
from meva_core.model.state import Gate
from meva_core.ops.log_records import AlertRaised
from meva_core.ops.reporting import ReplayResult, RunStatistics
from meva_core.ports.market_feed import Tape
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue
from meva_runners.driver import COLUMNS_FROM, Observer, Recorder, ReplayDriver


@frozen(kw_only=True)
class RunFacts:
    """Hold what a result says about its run beside what happened in it."""

    config_hash: str
    tape_hash: str
    source: str
    symbols: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class ReplayRun:
    """Compose an agent and a venue and replay tapes on them, once."""

    def __init__(
        self,
        config: AppConfig,
        strategies: Sequence[ConfiguredStrategy],
        *,
        observers: Sequence[Observer] = (),
        columns_from: int | None = COLUMNS_FROM,
    ) -> None:
        self._config = config
        self._strategies = tuple(strategies)
        self._statistics = RunStatistics(config.reporting_currency)
        self.driver = ReplayDriver(
            compose_agent(config, self._strategies),
            compose_venue(config),
            observers=(self._observe, *observers),
            columns_from=columns_from,
        )

    def record_with(self, recorder: Recorder) -> None:
        """Keep everything that is handled from now on."""
        self.driver.recorder = recorder

    def checkpoint(self) -> dict[str, Any]:
        """Return the memory of agent and venue."""
        return {"agent": self.driver.agent.checkpoint(), "venue": self.driver.venue.snapshot()}

    def replay(
        self,
        tapes: Sequence[Tape],
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        stops: Iterable[int] = (),
        on_progress: Callable[[], None] | None = None,
    ) -> None:
        """Replay *tapes* to their end; at each of *stops* go on with an agent made anew from a stored checkpoint."""
        run = self.driver.run(tapes, start_ns=start_ns, end_ns=end_ns, stops=stops, on_progress=on_progress)
        for _ in self._before_end(run):
            self._resume()
        self.driver.finish()

    def result(self, facts: RunFacts) -> ReplayResult:
        """Return what happened."""
        driver, agent = self.driver, self.driver.agent
        state, account = agent.state(), agent.account
        summary = self._statistics.summary(
            first_ns=driver.first_ns,
            last_ns=driver.last_ns,
            start_equity=account.start_equity,
            final_equity=account.equity,
            max_drawdown=account.max_drawdown,
        )
        return ReplayResult(
            summary=summary,
            events=driver.market_events,
            realized_pnl=state.pnl.realized,
            unrealized_pnl=state.pnl.unrealized,
            fees=state.pnl.fees,
            decision_hash=agent.decision_hash,
            state_hash=agent.state_hash(),
            config_hash=facts.config_hash,
            tape_hash=facts.tape_hash,
            seed=self._config.seed,
            run_seconds=driver.run_seconds,
            load_seconds=driver.load_seconds,
            source=facts.source,
            symbols=facts.symbols,
            strategies=tuple(_described(item) for item in self._strategies),
            warnings=(*facts.warnings, *self._warnings()),
        )

    def _warnings(self) -> Iterator[str]:
        agent = self.driver.agent
        flags = agent.state().runtime_flags
        if flags.gate is not Gate.OPEN:
            since = text_of_ns(min(marker.since_ns for marker in flags.markers.values()))
            yield f"trading was {flags.gate.name.lower()} at the end, since {since}: {flags.pause_reason}"
        for cause, count in agent.data_problems().items():
            yield f"market data was not used: {cause}, {count:,} times"
        if not self.driver.market_events:
            yield "no event lies in the period"

    def _before_end(self, run: Iterator[int]) -> Iterator[int]:
        """Yield at every stop of *run*, but not at its end."""
        stop = next(run)
        for following in run:
            yield stop
            stop = following

    def _resume(self) -> None:
        """Take agent and venue through their stored form into new ones."""
        stored = decode(encode(self.checkpoint()), source="checkpoint")
        agent = compose_agent(self._config, self._strategies, checkpoint=stored["agent"])
        venue = compose_venue(self._config)
        venue.restore(stored["venue"])
        self.driver.take_over(agent, venue)

    def _observe(self, outcome: Outcome) -> None:
        for record in outcome.records:
            self._statistics.add(record)
            if isinstance(record, AlertRaised) and record.alert.code == STRATEGY_FAILED:
                context = record.alert.context  # A person is at the keyboard: stop, and say where it failed.
                raise StrategyError(record.alert.subject, context["symbol"], context["problem"])


def _described(item: ConfiguredStrategy) -> str:
    text = repr(item.strategy)
    return f"{item.name}{text[text.index('(') :]}" if "(" in text else item.name


def equity_rows(result: ReplayResult) -> Iterator[str]:
    """Yield the equity curve as CSV lines: time in ns UTC, equity in the reporting currency."""
    yield f"ts_ns,equity_{result.summary.reporting_currency.lower()}\n"
    for time_ns, equity in result.summary.equity_curve:
        yield f"{time_ns},{plain(equity)}\n"
