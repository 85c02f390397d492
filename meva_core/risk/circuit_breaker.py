"""Pause trading for a while when the venue keeps refusing orders; decide nothing else."""

from __future__ import annotations

from meva_core.model.state import Gate, GateMarker
from meva_core.risk.gate import CIRCUIT_BREAKER, TradingGate


class CircuitBreaker:
    """Open after *limit* consecutive venue rejects; close again after *cool_down_ns*."""

    def __init__(self, gate: TradingGate, *, limit: int, cool_down_ns: int) -> None:
        self._gate = gate
        self._limit = limit
        self._cool_down_ns = cool_down_ns
        self.rejects = 0
        self.reset_ns = 0

    def on_reject(self, reason: str, *, time_ns: int) -> bool:
        """Count a venue reject; return whether it tripped the breaker, in this very event."""
        self.rejects += 1
        if self.rejects < self._limit:
            return False
        self.reset_ns = time_ns + self._cool_down_ns
        text = f"{self.rejects} consecutive rejects, the last: {reason}"
        return self._gate.close(GateMarker(CIRCUIT_BREAKER, Gate.PAUSED, text, "circuit_breaker", time_ns))

    def on_success(self) -> None:
        """Take note that the venue accepted an order."""
        self.rejects = 0

    def on_time(self, time_ns: int) -> bool:
        """Lift the pause when its time has passed; return whether it did."""
        if not self.reset_ns or time_ns < self.reset_ns:
            return False
        self.reset_ns = 0
        self.rejects = 0
        return self._gate.lift(
            CIRCUIT_BREAKER, actor="circuit_breaker", reason="cool-down has passed", time_ns=time_ns
        )

    def snapshot(self) -> list[int]:
        """Return the whole memory."""
        return [self.rejects, self.reset_ns]

    def restore(self, memory: list[int]) -> None:
        """Take over the memory that `snapshot` returned."""
        self.rejects, self.reset_ns = memory
