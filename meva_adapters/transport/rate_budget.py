"""Decide whether a request may leave now, by the venue's counters; cancels keep a reserve that orders cannot use."""

from __future__ import annotations

from attrs import define


@define(kw_only=True)
class RateBudget:
    """Count weight in calendar windows of the venue's clock, as Binance does (limits, "fixed windows").

    *reserve* of *limit* is kept for urgent requests, and *cancels* of that for cancels alone: however often a list is
    asked for in need, what it names can be cancelled. After `block` nothing leaves at all: whoever asks during a
    Retry-After is banned (invariant I27).
    """

    limit: int
    reserve: int
    window_ns: int
    cancels: int = 0
    used: int = 0
    blocked_until_ns: int = 0
    _window: int = 0

    def __attrs_post_init__(self) -> None:
        assert 0 <= self.reserve < self.limit, "something is left for orders"
        assert 0 <= self.cancels <= self.reserve, "what is for cancels is kept back"

    def take(self, weight: int, now_ns: int, *, urgent: bool = False, cancels: bool = False) -> str:
        """Take *weight* and return an empty text, or take nothing and return why not; what *cancels* is urgent too."""
        if blocked := self.blocked(now_ns):
            return blocked
        self._turn(now_ns)
        kept = 0 if cancels else self.cancels if urgent else self.reserve
        bound = self.limit - kept
        if self.used + weight > bound:
            return f"weight {self.used} + {weight} would pass the budget of {bound}"
        self.used += weight
        return ""

    def level(self, now_ns: int) -> int:
        """Return what is used at *now_ns*."""
        self._turn(now_ns)
        return self.used

    def wait_ns(self, weight: int, now_ns: int) -> int:
        """Return how long to wait until `take` may take *weight*, not urgently; 0 where it may now."""
        assert weight <= self.limit - self.reserve, "no wait would help"
        if now_ns < self.blocked_until_ns:
            return self.blocked_until_ns - now_ns
        self._turn(now_ns)
        if self.used + weight <= self.limit - self.reserve:
            return 0
        return (self._window + 1) * self.window_ns - now_ns

    def learn(self, used: int, now_ns: int) -> None:
        """Take the venue's own count, where it is higher than ours: others may use the same address."""
        self._turn(now_ns)
        self.used = max(self.used, used)

    def blocked(self, now_ns: int) -> str:
        """Return why nothing at all may leave at *now_ns*, or an empty text."""
        if now_ns >= self.blocked_until_ns:
            return ""
        return f"rate limited for another {(self.blocked_until_ns - now_ns) // 10**6} ms"

    def block(self, until_ns: int) -> None:
        """Let nothing leave before *until_ns*."""
        self.blocked_until_ns = max(self.blocked_until_ns, until_ns)

    def _turn(self, now_ns: int) -> None:
        window = now_ns // self.window_ns
        # A clock that was corrected by minutes must not hold everything back, cancels too, until they have passed
        # again. By one window it may go back at the turn of a minute, and then nothing is counted anew.
        if window > self._window or window < self._window - 1:
            self._window, self.used = window, 0
