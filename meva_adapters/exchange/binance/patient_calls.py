"""Ask Binance public questions until they are answered, within its limits; send nothing that changes anything.

Questions may be asked again, orders never: those go through `BinanceCalls` itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.http import NotSentError
from meva_core.errors import MevaError, VenueRefusedError, VenueUnknownError
from meva_core.model.market import NS_PER_SECOND

_LIMITED: Final = frozenset({"418", "429"})
# With waits that double from 0.5 s to 30 s: some four minutes, then a person should look.
_ATTEMPTS: Final = 12
_FIRST_WAIT_S: Final = 0.5


class PatientCalls:
    """Wait for the budget, obey Retry-After, and ask again after silence, up to *attempts* times in a row.

    *waited* hears how many seconds follow and why. Counts *requests* and *waited_s*.
    """

    def __init__(
        self,
        calls: BinanceCalls,
        *,
        jitter: Callable[[], float],
        attempts: int = _ATTEMPTS,
        first_wait_s: float = _FIRST_WAIT_S,
        waited: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests = 0
        self.waited_s = 0.0
        self._calls = calls
        self._attempts = attempts
        self._backoff = Backoff(jitter, first_s=first_wait_s)
        self._waited = waited
        self._sleep = sleep

    async def ask(self, path: str, parameters: list[tuple[str, str]], *, weight: int) -> Any:
        """Return the answer's JSON; raise `VenueRefusedError` for a refusal, or the last failure."""
        self._backoff.reset()
        attempt = 1
        while True:
            await self._wait_for_budget(weight)
            self.requests += 1
            try:
                return await self._calls.public(path, parameters, weight=weight)
            except VenueRefusedError as exc:
                if exc.code not in _LIMITED or attempt >= self._attempts:
                    raise
            except NotSentError as exc:
                await self._wait_after(exc, attempt, VenueUnknownError("binance", path, exc.problem))
            except VenueUnknownError as exc:
                await self._wait_after(exc, attempt, exc)
            attempt += 1

    async def _wait_for_budget(self, weight: int) -> None:
        budget, calls = self._calls.budget, self._calls
        while wait_ns := budget.wait_ns(weight, calls.venue_ns()):
            await self._wait(wait_ns / NS_PER_SECOND, "the venue's request limit")

    async def _wait_after(self, exc: MevaError, attempt: int, final: MevaError) -> None:
        if attempt >= self._attempts:
            raise final from exc
        await self._wait(self._backoff.next_s(), str(exc))

    async def _wait(self, seconds: float, reason: str) -> None:
        self.waited_s += seconds
        if self._waited is not None:
            self._waited(seconds, reason)
        await self._sleep(seconds)
