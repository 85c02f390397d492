"""Stop everything on demand, and stay stopped; cancelling the orders is the orchestrator's answer to it."""

from __future__ import annotations

from meva_core.model.state import Gate, GateMarker
from meva_core.risk.gate import DRAWDOWN, KILL_SWITCH, TradingGate


class KillSwitchService:
    """Hold the gate at `KILLED` from activation until an operator releases it."""

    def __init__(self, gate: TradingGate) -> None:
        self._gate = gate

    def activate(self, reason: str, actor: str, *, time_ns: int) -> bool:
        """Kill; return whether this call did it. Repetition is safe and changes nothing."""
        return self._gate.close(GateMarker(KILL_SWITCH, Gate.KILLED, reason, actor, time_ns))

    def deactivate(self, actor: str, *, time_ns: int) -> bool:
        """Release the kill, and the drawdown halt with it; return whether anything was lifted."""
        lifted = [
            self._gate.lift(code, actor=actor, reason="released by operator", time_ns=time_ns)
            for code in (KILL_SWITCH, DRAWDOWN)
        ]
        return any(lifted)

    def is_active(self) -> bool:
        """Return whether the gate is killed, by whatever cause."""
        return self._gate.state is Gate.KILLED
