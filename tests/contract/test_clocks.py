"""Every clock keeps the clock contract."""

from __future__ import annotations

import time

import pytest

from meva_adapters.clock.manual import ManualClock
from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.clock import ClockContract
from meva_core.errors import InvariantError
from meva_core.ports.clock import Clock


class TestSystemClock(ClockContract):
    """The machine's clock; time passes by waiting."""

    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()

    def let_pass(self, clock: Clock, elapsed_ns: int) -> None:
        time.sleep(elapsed_ns / 1e9)


class TestManualClock(ClockContract):
    """The clock of tests; time passes by moving it."""

    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock(1_700_000_000_000_000_000)

    def let_pass(self, clock: Clock, elapsed_ns: int) -> None:
        assert isinstance(clock, ManualClock)
        clock.advance(elapsed_ns)


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
