"""Say what every clock promises, as cases to subclass; test no clock by itself.

| case | promise |
|---|---|
| CL-01 | both clocks give whole nanoseconds |
| CL-02 | the monotonic clock never goes back |
| CL-03 | time that passes shows on both clocks |
| CL-04 | reading a clock moves nothing else: two clocks do not disturb each other |
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest

from meva_core.ports.clock import Clock

# Long enough for every clock of an operating system to tick, short enough to wait for.
PASSING_NS: Final = 20_000_000


class ClockContract:
    """Subclass it, give a fixture *clock* and *let_pass*, and pytest runs every case."""

    @pytest.fixture
    def clock(self) -> Clock:
        """Return the clock under test."""
        raise pytest.UsageError("give a fixture named clock")

    def let_pass(self, clock: Clock, elapsed_ns: int) -> None:
        """Let at least *elapsed_ns* pass on *clock*: wait, or move it."""
        raise pytest.UsageError("say how time passes: override let_pass")

    def test_cl_01_whole_nanoseconds(self, clock: Clock) -> None:
        """CL-01: times are integers; a float would have lost the nanoseconds."""
        assert (int, int) == (type(clock.now_ns()), type(clock.monotonic_ns()))

    def test_cl_02_monotonic_never_goes_back(self, clock: Clock) -> None:
        """CL-02: of a thousand readings none is below the one before."""
        readings = [clock.monotonic_ns() for _ in range(1_000)]

        assert all(before <= after for before, after in pairwise(readings))

    def test_cl_03_passing_time_shows(self, clock: Clock) -> None:
        """CL-03: after some time both clocks have moved by at least nearly as much."""
        now_ns, monotonic_ns = clock.now_ns(), clock.monotonic_ns()
        self.let_pass(clock, PASSING_NS)

        assert clock.monotonic_ns() - monotonic_ns >= PASSING_NS * 9 // 10
        assert clock.now_ns() - now_ns >= PASSING_NS // 2

    def test_cl_04_readers_do_not_disturb_each_other(self, clock: Clock) -> None:
        """CL-04: a reading of one clock lies between two readings of itself, whoever reads the other."""
        first = clock.monotonic_ns()
        clock.now_ns()
        second = clock.monotonic_ns()
        clock.now_ns()

        assert first <= second <= clock.monotonic_ns()
