"""Run the clock contract on the clocks that ship: the machine's, and the one that is moved by hand."""

from __future__ import annotations

import time

from meva_adapters.clock.manual import ManualClock
from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.clock_kit import ClockHarness
from meva_core.ports.clock import Clock

_START_NS = 1_700_000_000_000_000_000


class SystemClockHarness(ClockHarness):
    """The machine's clock; time passes by waiting."""

    def make(self) -> Clock:
        """Return it."""
        return SystemClock()

    def let_pass(self, clock: Clock, elapsed_ns: int) -> None:
        """Wait."""
        time.sleep(elapsed_ns / 1e9)


class ManualClockHarness(ClockHarness):
    """The clock of tests; time passes by moving it."""

    def make(self) -> Clock:
        """Return one."""
        return ManualClock(_START_NS)

    def let_pass(self, clock: Clock, elapsed_ns: int) -> None:
        """Move it."""
        assert isinstance(clock, ManualClock), "it made this clock"
        clock.advance(elapsed_ns)


system = SystemClockHarness
manual = ManualClockHarness
