"""Count what orders cost at Kraken's engine, where a young order is dear to cancel; hold back no cancel.

The counters are per pair, over all protocols ("Trading rate limits"). At the lowest tier an order that is cancelled
within five seconds costs 9 of 60, so that an agent which re-quotes must look at the cost before it does.
"""

from __future__ import annotations

from typing import Final

from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_core.model.market import NS_PER_SECOND

PLACE: Final = 1
# An order younger than so many seconds costs so much to cancel.
CANCEL: Final = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
_THRESHOLD: Final = 60
_DECAY_MILLI: Final = 1_000
_RESERVE: Final = 2 * CANCEL[0][1]  # New orders leave room to cancel the two youngest at once.
_REMEMBERED_MAX: Final = 10_000


class OrderCosts:
    """Keep one counter per symbol that was traded, in *counters*, and the times of orders."""

    def __init__(
        self, *, threshold: int = _THRESHOLD, decay_milli: int = _DECAY_MILLI, reserve: int = _RESERVE
    ) -> None:
        self._limits = (threshold, decay_milli, reserve)
        self.counters: dict[str, DecayingBudget] = {}
        self._placed_ns: dict[str, int] = {}

    def place(self, symbol: str, client_order_id: str, now_ns: int) -> str:
        """Count a new order and return an empty text, or return why it must wait."""
        held_back = self._counter(symbol).take(PLACE, now_ns)
        if not held_back:
            self._placed_ns[client_order_id] = now_ns
            if len(self._placed_ns) > _REMEMBERED_MAX:
                del self._placed_ns[next(iter(self._placed_ns))]
        return held_back

    def cancel_cost(self, client_order_id: str, now_ns: int) -> int:
        """Return what it costs to cancel an order now; one whose age is not known counts as the youngest."""
        age_ns = now_ns - self._placed_ns.get(client_order_id, now_ns)
        return next((cost for seconds, cost in CANCEL if age_ns < seconds * NS_PER_SECOND), 0)

    def cancel(self, symbol: str, client_order_id: str, now_ns: int) -> None:
        """Count a cancel, which leaves in any case."""
        self._counter(symbol).charge(self.cancel_cost(client_order_id, now_ns), now_ns)

    def level(self, symbol: str, now_ns: int) -> int:
        """Return the counter of *symbol*."""
        return self._counter(symbol).level(now_ns)

    def _counter(self, symbol: str) -> DecayingBudget:
        counter = self.counters.get(symbol)
        if counter is None:
            limit, decay_milli, reserve = self._limits
            counter = DecayingBudget(limit=limit, reserve=reserve, decay_milli=decay_milli)
            self.counters[symbol] = counter
        return counter
