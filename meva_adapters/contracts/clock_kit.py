"""Say what every clock promises, as cases; test no clock by itself."""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise
from typing import Final

from meva_adapters.contracts.case import CaseList, Kit, expect_equal, expect_true
from meva_adapters.contracts.harness import Bench, Harness, made
from meva_core.ports.clock import Clock

# Long enough for every clock of an operating system to tick, short enough to wait for.
PASSING_NS: Final = 20_000_000
_READINGS: Final = 1_000
_NOW: Final = "Return nanoseconds since 1970-01-01 UTC."
_MONOTONIC: Final = "Return nanoseconds of a clock that never goes back; only differences have a meaning."


class ClockHarness(Harness[Clock]):
    """Make a clock, and say how its time passes."""

    @abstractmethod
    def let_pass(self, clock: Clock, elapsed_ns: int) -> None:
        """Let at least *elapsed_ns* pass on *clock*: wait, or move it."""


ClockBench = Bench[ClockHarness, Clock]
_CLOCKS: CaseList[ClockBench] = CaseList()
case = _CLOCKS.case


@case("CL-01", "whole nanoseconds", promise="Tell the time in integer nanoseconds.")
async def whole(bench: ClockBench) -> None:
    """Give integers: a float would have lost the nanoseconds."""
    clock = bench.subject

    expect_equal((int, int), (type(clock.now_ns()), type(clock.monotonic_ns())), "types of the two times")


@case("CL-02", "monotonic clock never goes back", promise=_MONOTONIC)
async def monotonic(bench: ClockBench) -> None:
    """Let none of a thousand readings be below the one before."""
    readings = [bench.subject.monotonic_ns() for _ in range(_READINGS)]

    expect_true(all(before <= after for before, after in pairwise(readings)), "no reading is below another")


@case("CL-03", "passing time shows on both clocks", promise=_NOW)
async def passing(bench: ClockBench) -> None:
    """Move both by at least nearly as much as passed."""
    clock = bench.subject
    now_ns, monotonic_ns = clock.now_ns(), clock.monotonic_ns()
    bench.harness.let_pass(clock, PASSING_NS)

    passed_ns = clock.monotonic_ns() - monotonic_ns
    expect_true(
        passed_ns >= PASSING_NS * 9 // 10, f"{passed_ns} of {PASSING_NS} ns show on the monotonic clock"
    )
    passed_ns = clock.now_ns() - now_ns
    expect_true(passed_ns >= PASSING_NS // 2, f"{passed_ns} of {PASSING_NS} ns show on the wall clock")


@case("CL-04", "readers do not disturb each other", promise=_MONOTONIC)
async def readers(bench: ClockBench) -> None:
    """Let a reading of one clock lie between two readings of itself, whoever reads the other."""
    clock = bench.subject
    first = clock.monotonic_ns()
    clock.now_ns()
    second = clock.monotonic_ns()
    clock.now_ns()

    expect_true(first <= second <= clock.monotonic_ns(), "the readings stand in their order")


CLOCK: Final[Kit[ClockBench]] = Kit(port="clock", cases=tuple(_CLOCKS.cases), opened=made)
