"""Every clock keeps the clock contract."""

from __future__ import annotations

import pytest

from meva_adapters.clock.manual import ManualClock
from meva_adapters.contracts.clock import ClockContract
from meva_core.errors import InvariantError
from meva_runners.harnesses.clocks import ManualClockHarness, SystemClockHarness


class TestSystemClock(ClockContract):
    """The machine's clock."""

    harness = SystemClockHarness


class TestManualClock(ClockContract):
    """The clock of tests."""

    harness = ManualClockHarness


def test_stepping_the_wall_clock_back_lets_no_time_pass() -> None:
    """A time server may set the wall clock back; durations do not notice."""
    clock = ManualClock(1_000)
    clock.advance(10)
    clock.step(500)

    assert (500, 10) == (clock.now_ns(), clock.monotonic_ns())


def test_time_does_not_pass_backwards() -> None:
    """A negative duration is a bug of the caller."""
    with pytest.raises(InvariantError, match="time does not go back"):
        ManualClock().advance(-1)
