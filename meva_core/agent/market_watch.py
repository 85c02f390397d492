"""Call a person when a market is silent for too long; orders on old data are refused elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meva_core.agent.market_path import MarketPath
from meva_core.agent.runtime_state import Runtime
from meva_core.commands import AlertLevel, SetTimer
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.alerts import AlertService

STALE_DATA: Final = "stale_data"
MARKET_TIMER: Final = "market_watch"


class MarketWatch:
    """Look when the oldest data would become an alert: older than *stale_ns* for *patience_ns*.

    It begins with `AgentStarted`, for in a replay silence is a matter of the recording.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        alerts: AlertService,
        paths: Mapping[str, MarketPath],
        stale_ns: int,
        patience_ns: int,
    ) -> None:
        self._runtime = runtime
        self._alerts = alerts
        self._paths = paths
        self._limit_ns = stale_ns + patience_ns
        self._started_ns = 0

    def start(self, time_ns: int) -> None:
        """Give every market its time to be heard of."""
        self._started_ns = time_ns
        self._wake(time_ns + self._limit_ns)

    def on_timer(self, time_ns: int) -> None:
        """Tell of every market that is silent for too long, and look again when the next one could be."""
        if not self._started_ns:
            return
        due_ns = time_ns + self._limit_ns
        for symbol, path in self._paths.items():
            heard_ns = max(path.market.last_ns, self._started_ns)
            if time_ns - heard_ns < self._limit_ns:
                self._alerts.clear(STALE_DATA, symbol)
                due_ns = min(due_ns, heard_ns + self._limit_ns)
            else:
                self._tell(symbol, time_ns, time_ns - heard_ns)
        self._wake(due_ns)

    def snapshot(self) -> dict[str, Any]:
        """Return the memory as plain values."""
        return {"started_ns": self._started_ns}

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._started_ns = memory["started_ns"]

    def _wake(self, due_ns: int) -> None:
        self._runtime.outbox.command(SetTimer(MARKET_TIMER, due_ns), f"timer {MARKET_TIMER} {due_ns}")

    def _tell(self, symbol: str, time_ns: int, silent_ns: int) -> None:
        text = f"no market data of {symbol} for {silent_ns // NS_PER_SECOND} s; no order leaves on old prices"
        alert = self._alerts.trigger(AlertLevel.HIGH, STALE_DATA, text, time_ns=time_ns, subject=symbol)
        self._runtime.outbox.alert(alert, time_ns)
