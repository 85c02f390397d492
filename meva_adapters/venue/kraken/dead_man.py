"""Cancel every order of an account when its switch is not armed again in time; decide nothing else."""

from __future__ import annotations

import asyncio
from typing import Final

from meva_adapters.venue.accounts import Account
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.kraken.rows import moment
from meva_adapters.venue.rows import Json

_EVER_MS: Final = 1 << 62
_MS: Final = 1000


class DeadMan:
    """Hold the timers of all accounts."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def arm(self, account: Account, timeout_s: int) -> Json:
        """Begin to wait anew; 0 ends the waiting."""
        timer = self._timers.pop(account.settings.key, None)
        if timer is not None:
            timer.cancel()
        now_ms = self._exchange.now_ms()
        if not timeout_s:
            return {"currentTime": moment(now_ms), "triggerTime": "0"}
        loop = asyncio.get_running_loop()
        reason = "Cancel all orders after timeout"
        self._timers[account.settings.key] = loop.call_later(timeout_s, self.cancel_all, account, reason)
        return {"currentTime": moment(now_ms), "triggerTime": moment(now_ms + timeout_s * _MS)}

    def cancel_all(self, account: Account, reason: str) -> int:
        """Cancel every open order; return how many there were."""
        rows = account.open_orders(None, as_of_ms=_EVER_MS)
        for row in rows:
            account.cancel(row, cancel_id=reason, now_ms=self._exchange.now_ms())
        return len(rows)
