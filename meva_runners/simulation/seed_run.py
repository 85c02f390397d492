"""Run one seed and say what came of it, as plain values that cross between processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from types import FrameType
from typing import Final

from attrs import evolve, frozen

from meva_adapters.exchange.simulated.faults import Fault
from meva_adapters.settings.loading import load_settings
from meva_core.config.schema import StrategyConfig
from meva_core.signals.signal_engine import described
from meva_runners.composition import ConfiguredStrategy
from meva_runners.simulation.checker import Violation
from meva_runners.simulation.jitter import Jitter
from meva_runners.simulation.scenario import draw
from meva_runners.simulation.world import QUIET_SECONDS, World
from meva_runners.strategy_loading import configured_strategies

JITTER: Final = "jitter"
# A run that is so long goes on trading to its end, whatever gathers on the way.
_LONG_MINUTES: Final = 120
# A simulated minute takes some hundredths of a second; who needs this long never returns.
_SECONDS_PER_MINUTE_MAX: Final = 5


@frozen
class Job:
    """Say what to run: the faults of *seed*, or those of *faults* where given, against the named strategy.

    A *dense* one trades at every other trade: for counting orders, where others count hours. One that *stops* ends
    with the first broken promise: for shrinking, where what comes later does not matter.
    """

    seed: int
    minutes: int = 10
    strategy: str = ""
    overrides: tuple[str, ...] = ()
    faults: tuple[Fault, ...] | None = None
    dense: bool = False
    stops: bool = False


@frozen
class SeedResult:
    """Hold what one run found. *fired* counts faults by name, *reached* the branches of recovery that ran.

    *struck* holds the faults that happened, in that order: the others cannot be to blame.
    """

    seed: int
    trace: str
    violations: tuple[Violation, ...]
    fired: dict[str, int]
    struck: tuple[Fault, ...]
    reached: dict[str, int]
    submissions: int
    placed: int
    crashes: int
    events: int
    simulated_seconds: int
    cpu_seconds: float


class NeverReturnedError(BaseException):
    """Report a run that took longer than any run does. No guard against a strategy's errors may catch it."""


def strategies_of(job: Job) -> tuple[tuple[StrategyConfig, ...], tuple[ConfiguredStrategy, ...]]:
    """Return the strategies of *job*, configured and built; raise `ConfigError` where that is not possible."""
    if not job.strategy:
        jitter = Jitter(fast=1, slow=2, rests=False) if job.dense else Jitter()
        if job.minutes >= _LONG_MINUTES:
            jitter = evolve(jitter, sold_at_once=3 * jitter.quantity)
        return (StrategyConfig(JITTER),), (ConfiguredStrategy(JITTER, jitter),)
    chosen = f"strategies=[{{name: {job.strategy!r}}}]"
    loaded = load_settings("dev", environ={}, overrides=[chosen, *job.overrides])
    return loaded.config.strategies, configured_strategies(loaded.config, loaded.origins)


def run_seed(job: Job) -> SeedResult:
    """Run *job* to its end, or to the first thing that may not happen."""
    began = process_time()
    configured, strategies = strategies_of(job)
    scenario = draw(job.seed, job.minutes, configured, dense=job.dense)
    if job.faults is not None:
        scenario = evolve(scenario, faults=job.faults)
    world = World(scenario, strategies, stops=job.stops)
    violations: tuple[Violation, ...] = ()
    try:
        with _limited(job.minutes * _SECONDS_PER_MINUTE_MAX):
            world.run()
    except NeverReturnedError as error:
        violations = (Violation("I30", world.now_ns, str(error)),)
    except Exception as error:  # noqa: BLE001 - whatever escapes the agent is a finding (invariant I30).
        violations = (Violation("I30", world.now_ns, described(error)),)
    return SeedResult(
        seed=job.seed,
        trace=world.trace,
        violations=(*world.checker.violations, *violations),
        fired=dict(sorted(world.plan.fired.items())),
        struck=tuple(dict.fromkeys(world.plan.struck)),
        reached=dict(sorted(world.checker.reached.items())),
        submissions=world.checker.submissions,
        placed=len(world.exchange.truth.placed),
        crashes=world.crashes,
        events=world.checker.events,
        simulated_seconds=job.minutes * 60 + QUIET_SECONDS,
        cpu_seconds=process_time() - began,
    )


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raise in the block after so many seconds of processor time: a strategy may never return."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        message = f"no end after {seconds} s: something, perhaps the strategy, never returns"
        raise NeverReturnedError(message)

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
