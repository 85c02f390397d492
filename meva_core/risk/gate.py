"""Keep the trading gate: how much may be sent now, and every reason why not. Send and cancel nothing.

The gate is as safe as its safest marker. Going to a safer state is always possible and repeating it changes
nothing (invariants I13, I14); a marker is lifted only by its own code.
"""

from __future__ import annotations

from collections.abc import Callable

from meva_core.model.state import Gate, GateMarker, RuntimeFlags

KILL_SWITCH = "kill_switch"
OPERATOR_PAUSE = "operator_pause"
DAILY_LOSS = "daily_loss"
DRAWDOWN = "drawdown"
CIRCUIT_BREAKER = "circuit_breaker"
RUNAWAY_ORDERS = "runaway_orders"
INTERNAL_ERROR = "internal_error"
VENUE_MISMATCH = "venue_mismatch"
RECONCILING = "reconciling"
CLOCK_OFFSET = "clock_offset"
JOURNAL_STALLED = "journal_stalled"
# These go when their cause goes, and not before, whoever asks.
SELF_LIFTING = frozenset({RECONCILING, CLOCK_OFFSET, JOURNAL_STALLED})


class TradingGate:
    """Write the gate part of the runtime flags; nobody else does. *on_change* hears of every real change."""

    def __init__(self, flags: RuntimeFlags, on_change: Callable[[GateMarker], None]) -> None:
        self._flags = flags
        self._on_change = on_change

    @property
    def state(self) -> Gate:
        """Return how much may be sent."""
        return self._flags.gate

    @property
    def epoch(self) -> int:
        """Return the number of changes so far; a permission of an older epoch is void."""
        return self._flags.gate_epoch

    def holds(self, code: str) -> bool:
        """Return whether the marker *code* is set."""
        return code in self._flags.markers

    def close(self, marker: GateMarker) -> bool:
        """Set *marker*; return whether that changed anything. A marker set already keeps its first reason."""
        present = self._flags.markers.get(marker.code)
        if present is not None and present.gate >= marker.gate:
            return False
        self._flags.markers[marker.code] = marker
        self._refresh(marker)
        return True

    def lift(self, code: str, *, actor: str, reason: str, time_ns: int) -> bool:
        """Remove the marker *code*; return whether it was set. Other markers keep the gate where they want it."""
        if self._flags.markers.pop(code, None) is None:
            return False
        self._refresh(GateMarker(code, Gate.OPEN, reason, actor, time_ns))
        return True

    def _refresh(self, cause: GateMarker) -> None:
        flags = self._flags
        markers = flags.markers.values()
        flags.gate = max((marker.gate for marker in markers), default=Gate.OPEN)
        flags.gate_epoch += 1
        flags.trading_enabled = flags.gate is Gate.OPEN
        flags.kill_switch_active = flags.gate is Gate.KILLED
        safest = max(markers, key=lambda marker: (marker.gate, marker.code), default=None)
        flags.pause_reason = None if safest is None else f"{safest.code}: {safest.reason}"
        self._on_change(cause)
