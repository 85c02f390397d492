"""Ask Kraken public questions at a pace that it bears; each is sent once.

How many public questions an address may ask is not in the documentation at hand; one a second is general knowledge.
"""

from __future__ import annotations

from typing import Any, Final

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.errors import RATE_LIMITED
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import NotSentError
from meva_core.errors import VenueRefusedError

_AT_ONCE: Final = 3
_BEFORE_THE_ENGINE: Final = frozenset({"403", "418", "429"})


class KrakenPublicCalls:
    """Be the `PublicCalls` of Kraken. *per_minute* is how many questions leave."""

    def __init__(self, calls: KrakenCalls, *, per_minute: int) -> None:
        self.clock = calls.clock
        self._calls = calls
        self._budget = DecayingBudget(limit=_AT_ONCE, reserve=0, decay_milli=max(1, per_minute * 1_000 // 60))

    @property
    def limits(self) -> frozenset[str]:
        """Return the codes of the refusals that only mean "later"."""
        return _BEFORE_THE_ENGINE | {RATE_LIMITED}

    def wait_ns(self, weight: int) -> int:
        """Return how long to wait until a question of *weight* may leave; 0 for at once."""
        now_ns = self.clock.monotonic_ns()
        return max(
            self._budget.wait_ns(weight, now_ns),
            self._calls.budget.blocked_until_ns - now_ns,  # The venue said when to come again.
            0,
        )

    async def public(self, path: str, parameters: list[tuple[str, str]], *, weight: int) -> Any:
        """Return the answer's JSON; see `PublicCalls`."""
        held_back = self._budget.take(weight, self.clock.monotonic_ns())
        if held_back:
            raise NotSentError(f"held back, {held_back}")
        try:
            return await self._calls.public(path, parameters)
        except VenueRefusedError as exc:
            if exc.code == RATE_LIMITED:
                self._budget.fill(self.clock.monotonic_ns())
            raise
