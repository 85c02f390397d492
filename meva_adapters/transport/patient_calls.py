"""Ask a venue public questions until they are answered, within its limits; send nothing that changes anything.

Questions may be asked again, orders never: those go through the venue's own calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.http import NotSentError
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.clock import Clock

# With waits that double from 0.5 s to 30 s: some four minutes, then a person should look.
_ATTEMPTS: Final = 12
_FIRST_WAIT_S: Final = 0.5
# Nobody listens at the address, or it is no address: a person mends that, and waiting does not.
_UNREACHED_S: Final = 15.0


class PublicCalls(Protocol):
    """Send public questions, each once, by the rules of one venue."""

    clock: Clock

    @property
    def limits(self) -> frozenset[str]:
        """Return the codes of the refusals that only mean "later"."""
        ...

    def wait_ns(self, weight: int) -> int:
        """Return how long to wait until a question of *weight* may leave; 0 for at once."""
        ...

    async def public(self, path: str, parameters: list[tuple[str, str]], *, weight: int) -> Any:
        """Return the answer's JSON; raise `NotSentError`, `VenueRefusedError` or `VenueUnknownError`."""
        ...


class PatientCalls:
    """Wait for the budget, obey Retry-After, and ask again after silence, up to *attempts* times in a row.

    A venue to which no connection comes about is given up after *unreached_s*, all waits and tries together.

    *waited* hears how many seconds follow and why. Counts *requests* and *waited_s*.
    """

    def __init__(
        self,
        calls: PublicCalls,
        *,
        jitter: Callable[[], float],
        attempts: int = _ATTEMPTS,
        first_wait_s: float = _FIRST_WAIT_S,
        unreached_s: float = _UNREACHED_S,
        waited: Callable[[float, str], None] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.requests = 0
        self.waited_s = 0.0
        self._calls = calls
        self._attempts = attempts
        self._backoff = Backoff(jitter, first_s=first_wait_s)
        self._unreached_ns = int(unreached_s * NS_PER_SECOND)
        self._waited = waited
        self._sleep = sleep

    async def ask(self, path: str, parameters: list[tuple[str, str]], *, weight: int) -> Any:
        """Return the answer's JSON; raise `VenueRefusedError` for a refusal, or the last failure."""
        self._backoff.reset()
        attempt, unreached_since_ns = 1, None
        while True:
            await self._wait_for_budget(weight)
            self.requests += 1
            try:
                return await self._calls.public(path, parameters, weight=weight)
            except VenueRefusedError as exc:
                if exc.code not in self._calls.limits or attempt >= self._attempts:
                    raise
            except NotSentError as exc:
                now_ns = self._calls.clock.monotonic_ns()
                unreached_since_ns = now_ns if unreached_since_ns is None else unreached_since_ns
                left_ns = unreached_since_ns + self._unreached_ns - now_ns
                if left_ns <= 0:
                    raise VenueUnknownError("the venue", path, exc.problem) from exc
                await self._wait(min(self._backoff.next_s(), left_ns / NS_PER_SECOND), str(exc))
                continue
            except VenueUnknownError as exc:
                if attempt >= self._attempts:
                    raise
                await self._wait(self._backoff.next_s(), str(exc))
            attempt, unreached_since_ns = attempt + 1, None

    async def _wait_for_budget(self, weight: int) -> None:
        while wait_ns := self._calls.wait_ns(weight):
            await self._wait(wait_ns / NS_PER_SECOND, "the venue's request limit")

    async def _wait(self, seconds: float, reason: str) -> None:
        self.waited_s += seconds
        if self._waited is not None:
            self._waited(seconds, reason)
        await self._sleep(seconds)
