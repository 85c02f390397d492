"""Call a person when questions and cancels stay without an answer one after the other; ask nothing again itself."""

from __future__ import annotations

from typing import Final

from meva_core.agent.runtime_state import Runtime
from meva_core.commands import AlertLevel
from meva_core.ops.alerts import AlertService

NO_ANSWER: Final = "venue_no_answer"


class VenueSilence:
    """Count what got no answer since the venue last answered, and tell of it from the *limit*-th on.

    An order of unknown outcome counts as well. The news of a market are no answer: they come from elsewhere.
    """

    def __init__(self, runtime: Runtime, alerts: AlertService, *, limit: int) -> None:
        self._runtime = runtime
        self._alerts = alerts
        self._limit = limit
        self.count = 0

    def on_failure(self, request: str, problem: str, time_ns: int) -> None:
        """Count a *request* that got no answer."""
        self.count += 1
        if self.count < self._limit:
            return
        text = (
            f"{self.count} requests in a row got no answer, the last of them {request}: {problem}. "
            "Each is tried again, no order is; look at the venue, where orders of ours may rest"
        )
        alert = self._alerts.trigger(AlertLevel.HIGH, NO_ANSWER, text, time_ns=time_ns)
        self._runtime.outbox.alert(alert, time_ns)

    def on_answer(self) -> None:
        """Take note that the venue answers."""
        if self.count >= self._limit:
            self._alerts.clear(NO_ANSWER)
        self.count = 0
