"""Run one agent over tapes on a simulated venue, watch it, and sum up what it did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from meva_adapters.storage.codec import decode, encode
from meva_core.agent.decider import STRATEGY_FAILED
from meva_core.agent.outbox import Outcome
from meva_core.commands import RaiseAlert
from meva_core.config.schema import AppConfig
from meva_core.errors import StrategyError
from meva_core.model.money import plain
from meva_core.ops.log_records import AlertRaised, Record
from meva_core.ops.reporting import ReplayResult, RunStatistics
from meva_core.ports.market_feed import Tape
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue
from meva_runners.replaying.driver import COLUMNS_FROM, Observer, Recorder, ReplayDriver
from meva_runners.run_result import RunFacts, RunSpan, run_result


class ReplayRun:
    """Compose an agent and a venue and replay tapes on them, once.

    *observers* are shown outcomes with records of the kinds *read*, `None` for all; fewer make a quicker run.
    """

    def __init__(
        self,
        config: AppConfig,
        strategies: Sequence[ConfiguredStrategy],
        *,
        observers: Sequence[Observer] = (),
        read: Collection[type[Record]] | None = None,
        columns_from: int | None = COLUMNS_FROM,
    ) -> None:
        self._config = config
        self._strategies = tuple(strategies)
        self._statistics = RunStatistics(config.reporting_currency)
        self.driver = ReplayDriver(
            compose_agent(config, self._strategies),
            compose_venue(config),
            takers=self._statistics.takers,
            observers=(self._observe, *observers),
            read=None if read is None and observers else {AlertRaised, *(read or ())},
            columns_from=columns_from,
        )

    def record_with(self, recorder: Recorder) -> None:
        """Keep everything that is handled from now on."""
        self.driver.record_with(recorder)

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
        driver = self.driver
        return run_result(
            driver.agent,
            self._statistics,
            self._config,
            self._strategies,
            facts=facts,
            span=RunSpan(
                events=driver.market_events,
                first_ns=driver.first_ns,
                last_ns=driver.last_ns,
                run_seconds=driver.run_seconds,
                load_seconds=driver.load_seconds,
            ),
        )

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
        for command in outcome.commands:
            if isinstance(command, RaiseAlert) and command.code == STRATEGY_FAILED:
                context = command.context  # A person is at the keyboard: stop, and say where it failed.
                raise StrategyError(command.subject, context["symbol"], context["problem"])


def equity_rows(result: ReplayResult) -> Iterator[str]:
    """Yield the equity curve as CSV lines: time in ns UTC, equity in the reporting currency."""
    yield f"ts_ns,equity_{result.summary.reporting_currency.lower()}\n"
    for time_ns, equity in result.summary.equity_curve:
        yield f"{time_ns},{plain(equity)}\n"
