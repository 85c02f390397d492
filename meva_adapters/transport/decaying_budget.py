"""Decide whether a request may leave now by a counter that decays; cancels keep a reserve that orders cannot use."""

from __future__ import annotations

from typing import Final

from attrs import define

_PARTS: Final = 10**9  # The counter is kept in billionths, so that a nanosecond's decay is a whole number.
_MILLI: Final = 1_000


@define(kw_only=True)
class DecayingBudget:
    """Count weight that falls off by *decay_milli* thousandths per second, as Kraken does (API rate limits).

    *reserve* of *limit* is kept for urgent requests. After `block` nothing leaves at all (invariant I27).
    """

    limit: int
    reserve: int
    decay_milli: int
    blocked_until_ns: int = 0
    _level: int = 0
    _counted_ns: int = 0

    def __attrs_post_init__(self) -> None:
        assert 0 <= self.reserve < self.limit, "something is left for orders"
        assert self.decay_milli > 0, "a counter that never falls would end in silence"

    def take(self, weight: int, now_ns: int, *, urgent: bool = False) -> str:
        """Take *weight* and return an empty text, or take nothing and return why not."""
        if blocked := self.blocked(now_ns):
            return blocked
        bound = self.limit if urgent else self.limit - self.reserve
        if self.level(now_ns) + weight > bound:
            return f"counter {self.level(now_ns)} + {weight} would pass the budget of {bound}"
        self.charge(weight, now_ns)
        return ""

    def charge(self, weight: int, now_ns: int) -> None:
        """Count *weight* of a request that leaves whatever the counter says."""
        self._decay(now_ns)
        self._level += weight * _PARTS

    def fill(self, now_ns: int) -> None:
        """Take the venue's word that the counter is full."""
        self._decay(now_ns)
        self._level = max(self._level, self.limit * _PARTS)

    def blocked(self, now_ns: int) -> str:
        """Return why nothing at all may leave at *now_ns*, or an empty text."""
        if now_ns >= self.blocked_until_ns:
            return ""
        return f"rate limited for another {(self.blocked_until_ns - now_ns) // 10**6} ms"

    def block(self, until_ns: int) -> None:
        """Let nothing leave before *until_ns*."""
        self.blocked_until_ns = max(self.blocked_until_ns, until_ns)

    def level(self, now_ns: int) -> int:
        """Return the counter at *now_ns*, rounded up."""
        self._decay(now_ns)
        return -(-self._level // _PARTS)

    def wait_ns(self, weight: int, now_ns: int) -> int:
        """Return how long to wait until *weight* may leave; 0 for at once."""
        self._decay(now_ns)
        over = self._level + weight * _PARTS - (self.limit - self.reserve) * _PARTS
        decayed_ns = max(0, -(-over * _MILLI // self.decay_milli))
        return max(decayed_ns, self.blocked_until_ns - now_ns, 0)

    def _decay(self, now_ns: int) -> None:
        passed_ns = now_ns - self._counted_ns
        if passed_ns > 0:  # A clock that was set back lets nothing decay twice.
            self._level = max(0, self._level - passed_ns * self.decay_milli // _MILLI)
            self._counted_ns = now_ns
