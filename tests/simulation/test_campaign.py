"""The simulator finds nothing in the program, something in every broken copy, and says how to see it again."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from time import process_time

import pytest

from meva_adapters.exchange.simulated.faults import POSSIBLE, Fault, Kind, Operation
from meva_runners.simulation.campaign import Campaign, run_campaign, shrunk_failure
from meva_runners.simulation.seed_run import Job, SeedResult, run_seed
from meva_runners.simulation.shrink import shrink

sys.path.insert(0, str(Path(__file__).parent))
from mutants import MUTANTS

SEEDS_AT_MOST = 2_000


def seeds_to_find(name: str, limit: int) -> int:
    """Return how many seeds it takes until the mutant *name* breaks a promise; the limit when none does."""
    with MUTANTS[name]():
        for seed in range(limit):
            if run_seed(Job(seed)).violations:
                return seed + 1
    return limit


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    """Return five hundred seeds of ten minutes, each run twice."""
    jobs = [Job(seed) for seed in range(500)]
    return run_campaign(jobs, processes=2, twice=True, on_result=lambda _result: None)


def test_no_seed_breaks_a_promise(campaign: Campaign) -> None:
    """Five hundred seeds, no violation of any invariant."""
    found = [violation for failure in campaign.failures for violation in failure.violations]

    assert [] == found
    assert 500 == campaign.seeds


def test_every_seed_gives_the_same_trace_twice(campaign: Campaign) -> None:
    """In two processes whose interpreters hash texts differently (invariant I23)."""
    assert [] == campaign.unequal
    assert 1_000 == campaign.totals["runs"]


def test_every_fault_has_fired(campaign: Campaign) -> None:
    """A fault that never happens proves nothing."""
    possible = {f"{operation} {kind}" for operation, kinds in POSSIBLE.items() for kind in kinds}

    assert set() == possible - set(campaign.fired)


def test_every_branch_of_recovery_has_run(campaign: Campaign) -> None:
    """Orders end in every way, and the gate closes and opens again for every reason."""
    statuses = [
        "accepted",
        "partially_filled",
        "filled",
        "canceled",
        "expired",
        "rejected",
        "denied",
        "unknown",
        "pending_cancel",
    ]
    codes = [
        "reconciling",
        "clock_offset",
        "operator_pause",
        "kill_switch",
        "daily_loss",
        "drawdown",
        "runaway_orders",
    ]
    expected = {f"order {status}" for status in statuses} | {f"gate {code} set" for code in codes} | {"crash"}

    assert set() == expected - set(campaign.reached)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_seeded_bug_is_found(name: str) -> None:
    """Each of the mutants breaks a promise within a hundred seeds."""
    assert seeds_to_find(name, limit=100) < 100


def test_there_are_enough_mutants() -> None:
    """At least thirty, as the reliability goals ask."""
    assert 30 <= len(MUTANTS)


@pytest.mark.prove
def test_mutants_are_found_soon() -> None:
    """The median mutant within fifty seeds, all of them within two thousand."""
    needed = {name: seeds_to_find(name, SEEDS_AT_MOST) for name in MUTANTS}

    print(f"seeds to find each of {len(needed)} mutants: {sorted(needed.values())}")
    assert max(needed.values()) < SEEDS_AT_MOST, needed
    assert statistics.median(needed.values()) <= 50


@pytest.mark.prove
def test_failures_shrink_to_a_few_faults() -> None:
    """Nine of ten failures of mutants shrink to at most five faults."""
    sizes = []
    for name, mutant in MUTANTS.items():
        with mutant():
            began = process_time()
            failure = shrunk_failure(*first_failure())
            sizes.append(len(failure.shrunk))
        print(f"{name}: {sizes[-1]} faults in {failure.tries} runs, {process_time() - began:.1f} s")
    assert sum(size <= 5 for size in sizes) >= 0.9 * len(sizes), sizes


def first_failure() -> tuple[Job, SeedResult]:
    """Return the first seed that fails."""
    for seed in range(SEEDS_AT_MOST):
        result = run_seed(Job(seed))
        if result.violations:
            return Job(seed), result
    raise AssertionError("no seed fails")


@pytest.mark.prove
def test_a_million_submissions() -> None:
    """A million orders under faults: none placed twice, none lost, none falsely live or dead."""
    submissions, failing, first = 0, [], 10_000
    while submissions < 1_000_000:
        jobs = [Job(seed, dense=True) for seed in range(first, first + 20)]
        part = run_campaign(jobs, processes=2, twice=False, on_result=lambda _result: None)
        first += 20
        submissions += part.totals["submissions"]
        failing += part.failures
        print(f"{submissions:,} submissions, {len(failing)} failing seeds")

    assert [] == failing


def test_a_failure_shrinks_to_the_faults_that_matter() -> None:
    """Of forty faults only the two that fail together are left."""
    faults = tuple(Fault(Operation.PLACE, number, Kind.RESPONSE_LOST) for number in range(40))
    wanted = {faults[7], faults[31]}

    assert tuple(sorted(wanted)) == tuple(sorted(shrink(faults, lambda part: wanted <= set(part))))


def test_a_failure_without_faults_blames_none() -> None:
    """What fails in good weather is no fault's fault."""
    faults = tuple(Fault(Operation.PLACE, number, Kind.RESPONSE_LOST) for number in range(4))

    assert () == shrink(faults, lambda _part: True)


def test_a_strategy_that_never_returns_is_reported() -> None:
    """The run ends by itself and says what happened."""
    job = Job(0, minutes=1, strategy="tests_never_returns:Endless")

    [violation] = run_seed(job).violations

    assert "I30" == violation.invariant
    assert "never returns" in violation.facts
