"""Answer every change of the trading gate in the event that caused it: say it, cancel orders, call a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meva_core.agent.runtime_state import Runtime
from meva_core.commands import AlertLevel
from meva_core.execution.order_service import OrderService
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import GateChanged
from meva_core.risk.gate import (
    CIRCUIT_BREAKER,
    CLOCK_OFFSET,
    DAILY_LOSS,
    DRAWDOWN,
    INTERNAL_ERROR,
    JOURNAL_STALLED,
    KILL_SWITCH,
    OPERATOR_PAUSE,
    RECONCILING,
    RUNAWAY_ORDERS,
    VENUE_MISMATCH,
)

_LEVELS: Final = {
    KILL_SWITCH: AlertLevel.CRITICAL,
    DAILY_LOSS: AlertLevel.CRITICAL,
    DRAWDOWN: AlertLevel.CRITICAL,
    INTERNAL_ERROR: AlertLevel.CRITICAL,
    RUNAWAY_ORDERS: AlertLevel.CRITICAL,
    VENUE_MISMATCH: AlertLevel.CRITICAL,
    CIRCUIT_BREAKER: AlertLevel.HIGH,
    OPERATOR_PAUSE: AlertLevel.INFO,
    RECONCILING: AlertLevel.MEDIUM,
    CLOCK_OFFSET: AlertLevel.HIGH,
    JOURNAL_STALLED: AlertLevel.HIGH,
}
# A pause by hand, while a venue refuses orders, until the books are compared or while a disk is slow leaves resting
# orders alone; every other cause cancels them.
_KEEPS_ORDERS: Final = frozenset(
    {OPERATOR_PAUSE, CIRCUIT_BREAKER, RECONCILING, CLOCK_OFFSET, JOURNAL_STALLED}
)


class GateWatch:
    """Be the gate's `on_change`."""

    def __init__(self, runtime: Runtime, orders: OrderService, alerts: AlertService) -> None:
        self._runtime = runtime
        self._orders = orders
        self._alerts = alerts
        self._on_cancel_all: list[Callable[[], None]] = []

    def on_cancel_all(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever every order is to be cancelled."""
        self._on_cancel_all.append(listener)

    def on_change(self, cause: GateMarker) -> None:
        """Take note that *cause* was set, or lifted when its gate is open."""
        runtime = self._runtime
        flags = runtime.state.runtime_flags
        runtime.version += 1
        time_ns = runtime.now_ns
        runtime.outbox.record(
            GateChanged, time_ns, flags.gate, flags.gate_epoch, cause.code, cause.reason, cause.actor
        )
        runtime.outbox.decide(f"gate {flags.gate.name} {flags.gate_epoch} {cause.code} {cause.reason}")
        if cause.gate is Gate.OPEN:
            self._alerts.clear(cause.code)
            return
        if cause.code not in _KEEPS_ORDERS:
            command = self._orders.cancel_all(f"{cause.code}: {cause.reason}").command
            runtime.outbox.command(command, f"cancel_all {cause.code}")
            for listener in self._on_cancel_all:
                listener()
        self._alert(cause, time_ns)

    def _alert(self, cause: GateMarker, time_ns: int) -> None:
        # The reason stands last but for the actor: behind "stop-token:" a log would take it for a secret.
        text = f"trading is {cause.gate.name.lower()} ({cause.code}): {cause.reason} (by {cause.actor})"
        alert = self._alerts.trigger(_LEVELS[cause.code], cause.code, text, time_ns=time_ns)
        self._runtime.outbox.alert(alert, time_ns)
