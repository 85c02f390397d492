"""Run many seeds, each twice, in processes of their own; compare and add up. It judges no single run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any, Final

from attrs import define, evolve, field, frozen

from meva_adapters.exchange.simulated.faults import Fault
from meva_runners.simulation.seed_run import Job, SeedResult, run_seed
from meva_runners.simulation.shrink import shrink

# The two runs of a seed differ in how their interpreters hash texts: what depends on that shows in the trace.
_HASH_SEEDS: Final = ("1", "2")
_SHRUNK_MAX: Final = 3
_TRIES_MAX: Final = 600


@frozen
class Failure:
    """Hold a seed that broke a promise, with the fewest faults that still break one."""

    result: SeedResult
    shrunk: tuple[Fault, ...]
    tries: int


@define
class Campaign:
    """Add up results. *unequal* holds the seeds whose two runs differed (invariant I23)."""

    failures: list[SeedResult] = field(factory=list)
    unequal: list[int] = field(factory=list)
    fired: Counter[str] = field(factory=Counter)
    reached: Counter[str] = field(factory=Counter)
    totals: Counter[str] = field(factory=Counter)
    speeds: list[float] = field(factory=list)
    traces: dict[int, str] = field(factory=dict)
    seeds: int = 0
    wall_seconds: float = 0.0
    _counted: set[int] = field(factory=set)

    @property
    def is_clean(self) -> bool:
        """Return whether every promise was kept, and every seed gave the same trace twice."""
        return not self.failures and not self.unequal

    def take(self, result: SeedResult) -> None:
        """Take one run; of the second run of a seed, only whether it was equal."""
        known = self.traces.setdefault(result.seed, result.trace)
        if known != result.trace:
            self.unequal.append(result.seed)
        self.totals["runs"] += 1
        self.speeds.append(result.simulated_seconds / result.cpu_seconds if result.cpu_seconds else 0.0)
        if result.seed in self._counted:
            return
        self._counted.add(result.seed)
        self.seeds += 1
        self.fired.update(result.fired)
        self.reached.update(result.reached)
        for name in ("submissions", "placed", "crashes", "events", "simulated_seconds"):
            self.totals[name] += getattr(result, name)
        if result.violations:
            self.failures.append(result)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "seeds": self.seeds,
            "runs": self.totals["runs"],
            "violations": sum(len(failure.violations) for failure in self.failures),
            "failing_seeds": sorted(failure.seed for failure in self.failures),
            "unequal_seeds": sorted(self.unequal),
            "submissions": self.totals["submissions"],
            "placed": self.totals["placed"],
            "crashes": self.totals["crashes"],
            "events": self.totals["events"],
            "simulated_hours": round(self.totals["simulated_seconds"] / 3_600, 2),
            "speed": round(median(self.speeds), 1) if self.speeds else 0.0,
            "wall_seconds": round(self.wall_seconds, 2),
            "faults_fired": dict(sorted(self.fired.items())),
            "branches_reached": dict(sorted(self.reached.items())),
        }


def run_campaign(
    jobs: Sequence[Job], *, processes: int, twice: bool, on_result: Callable[[SeedResult], None]
) -> Campaign:
    """Run every job, twice if asked for, and return the sums; interrupted, the sums so far."""
    campaign = Campaign()
    began = perf_counter()
    passes = _HASH_SEEDS if twice else _HASH_SEEDS[:1]
    each = max(1, processes // len(passes))
    with _pools(passes, each) as pools:
        futures: list[Future[SeedResult]] = [pool.submit(run_seed, job) for job in jobs for pool in pools]
        try:
            for future in as_completed(futures):
                result = future.result()
                campaign.take(result)
                on_result(result)
        except KeyboardInterrupt:
            for future in futures:
                future.cancel()
            raise
    campaign.wall_seconds = perf_counter() - began
    return campaign


def shrunk_failures(campaign: Campaign, jobs: Iterable[Job]) -> Iterator[Failure]:
    """Yield the first failing seeds, each with its smallest plan."""
    by_seed = {job.seed: job for job in jobs}
    for result in sorted(campaign.failures, key=lambda failure: failure.seed)[:_SHRUNK_MAX]:
        yield shrunk_failure(by_seed[result.seed], result)


def shrunk_failure(job: Job, result: SeedResult) -> Failure:
    """Return the failure of *job* with the fewest of its faults that still break a promise.

    Often another one than before: one bug breaks several, and which is seen first depends on the faults around it.
    What had not happened by then is left out at once: it changed nothing, and is most of a plan.
    """
    struck = run_seed(evolve(job, stops=True)).struck
    tries = 0

    def fails(faults: tuple[Fault, ...]) -> bool:
        nonlocal tries
        tries += 1
        if tries > _TRIES_MAX:
            return False  # Small enough: what is left still fails.
        return bool(run_seed(evolve(job, faults=faults, stops=True)).violations)

    return Failure(result, shrink(struck, fails), tries)


@contextmanager
def _pools(hash_seeds: Sequence[str], processes: int) -> Iterator[list[ProcessPoolExecutor]]:
    """Give one pool per hash seed; a fresh interpreter reads it from the environment when it starts."""
    context = multiprocessing.get_context("spawn")
    before = os.environ.get("PYTHONHASHSEED")
    pools = []
    try:
        for hash_seed in hash_seeds:
            os.environ["PYTHONHASHSEED"] = hash_seed
            pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_serve_parent)
            pools.append(pool)
            for future in [pool.submit(os.getpid) for _ in range(processes)]:
                future.result()  # The workers exist now, with this hash seed.
        _set("PYTHONHASHSEED", before)
        yield pools
    finally:
        _set("PYTHONHASHSEED", before)
        for pool in pools:
            pool.shutdown(cancel_futures=True)


def _serve_parent() -> None:
    """Let the parent alone answer Ctrl-C, for it ends the workers; and end with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
