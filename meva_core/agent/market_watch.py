"""Call a person when a market is silent for too long, and have broken books fetched anew.

Orders on old data and on a book that cannot be trusted are refused elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meva_core.agent.market_path import MarketPath
from meva_core.agent.runtime_state import Runtime
from meva_core.commands import AlertLevel, RenewBook, SetTimer
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.alerts import AlertService

STALE_DATA: Final = "stale_data"
BROKEN_BOOK: Final = "broken_book"
MARKET_TIMER: Final = "market_watch"

# Two new books in a row that broke as well: the venue's own is impossible, or something on the way makes it so.
_BREAKS_MAX: Final = 3
# Longer than whoever fetches books waits between two (a minute), so that such breaks count as one row.
_QUIET_NS: Final = 180 * NS_PER_SECOND


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
        self._breaks: dict[str, tuple[int, int]] = {}  # How many in a row, and when the last was.
        for path in paths.values():
            path.on_broken_book = self.on_broken_book

    def start(self, time_ns: int) -> None:
        """Give every market its time to be heard of."""
        self._started_ns = time_ns
        self._wake(time_ns + self._limit_ns)

    def on_broken_book(self, symbol: str, cause: str, time_ns: int) -> None:
        """Ask for a new book; tell a person when new ones break as well."""
        if not self._started_ns:
            return
        self._runtime.outbox.command(RenewBook(symbol, cause), f"renew_book {symbol} {cause}")
        self._forget_breaks(symbol, time_ns)
        count = self._breaks.get(symbol, (0, 0))[0] + 1
        self._breaks[symbol] = count, time_ns
        if count >= _BREAKS_MAX:
            text = f"the book of {symbol} is {cause} again after {count - 1} new ones; no order leaves there"
            self._call(BROKEN_BOOK, symbol, text, time_ns)

    def on_timer(self, time_ns: int) -> None:
        """Tell of every market that is silent for too long, and look again when the next one could be."""
        if not self._started_ns:
            return
        due_ns = time_ns + self._limit_ns
        for symbol, path in self._paths.items():
            self._forget_breaks(symbol, time_ns)
            heard_ns = max(path.market.last_ns, self._started_ns)
            if time_ns - heard_ns < self._limit_ns:
                self._alerts.clear(STALE_DATA, symbol)
                due_ns = min(due_ns, heard_ns + self._limit_ns)
            else:
                self._tell(symbol, time_ns, time_ns - heard_ns)
        self._wake(due_ns)

    def snapshot(self) -> dict[str, Any]:
        """Return the memory as plain values."""
        return {"started_ns": self._started_ns, "breaks": dict(self._breaks)}

    def restore(self, memory: Mapping[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._started_ns = memory["started_ns"]
        breaks = memory.get("breaks", {})  # Older checkpoints know none.
        self._breaks = {symbol: (count, last_ns) for symbol, (count, last_ns) in breaks.items()}

    def _wake(self, due_ns: int) -> None:
        self._runtime.outbox.command(SetTimer(MARKET_TIMER, due_ns), f"timer {MARKET_TIMER} {due_ns}")

    def _tell(self, symbol: str, time_ns: int, silent_ns: int) -> None:
        text = f"no market data of {symbol} for {silent_ns // NS_PER_SECOND} s; no order leaves on old prices"
        self._call(STALE_DATA, symbol, text, time_ns)

    def _forget_breaks(self, symbol: str, time_ns: int) -> None:
        """Begin to count anew when the last break is long ago."""
        if time_ns - self._breaks.get(symbol, (0, time_ns))[1] >= _QUIET_NS:
            del self._breaks[symbol]
            self._alerts.clear(BROKEN_BOOK, symbol)

    def _call(self, code: str, symbol: str, text: str, time_ns: int) -> None:
        alert = self._alerts.trigger(AlertLevel.HIGH, code, text, time_ns=time_ns, subject=symbol)
        self._runtime.outbox.alert(alert, time_ns)
