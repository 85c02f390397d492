"""Say an alert through apprise, which knows mail and some hundred services; needs the extra `alerts`."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from meva_adapters.alerts.webhook import DEADLINE_S, one_line
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.errors import ConfigError, install

_TYPES: Final = {
    AlertLevel.INFO: "info",
    AlertLevel.MEDIUM: "warning",
    AlertLevel.HIGH: "failure",
    AlertLevel.CRITICAL: "failure",
}
# One that hangs and one that goes on; apprise ends a request itself after some seconds.
_THREADS: Final = 2


class AppriseAlertSink:
    """Post alerts to *address*, an apprise URL such as `mailto://...`, which is a secret.

    apprise blocks, so it runs in threads of its own; an answer that takes longer than the deadline is none.
    """

    def __init__(self, address: str) -> None:
        try:
            import apprise
        except ImportError as exc:
            problem = (
                f"an alert channel has an address for apprise, which needs an extra: {install('alerts')}."
            )
            raise ConfigError((f"observability.alert_channels: {problem}",)) from exc
        self._apprise: Any = apprise.Apprise()
        if not self._apprise.add(address):
            problem = "an address is known neither as a web hook nor to apprise. Look at apprise's list of services."
            raise ConfigError((f"observability.alert_channels: {problem}",))
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="meva-apprise")

    async def deliver(self, alert: RaiseAlert) -> bool:
        """Send *alert*; return whether the service took it."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DEADLINE_S):
                return await loop.run_in_executor(self._threads, self._send, alert)
        except TimeoutError:
            return False

    def _send(self, alert: RaiseAlert) -> bool:
        title = f"{alert.level.upper()} {alert.code}"
        return bool(self._apprise.notify(body=one_line(alert), title=title, notify_type=_TYPES[alert.level]))
