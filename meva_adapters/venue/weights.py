"""Count request weight by address and new orders by account in calendar windows, and refuse what is over."""

from __future__ import annotations

from typing import Final

from meva_adapters.venue.errors import HTTP_TEAPOT, HTTP_TOO_MANY, ApiError

_MINUTE_MS: Final = 60_000
_TEN_SECONDS_MS: Final = 10_000
_DAY_MS: Final = 86_400_000
_REFUSALS_BEFORE_BAN: Final = 100
_BAN_MS: Final = 120_000
DAY_LIMIT: Final = 200_000
RAW_LIMIT: Final = 300_000


class Window:
    """Count in a window that begins at whole multiples of its length."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._start_ms = 0
        self._count = 0

    def count(self, now_ms: int) -> int:
        """Return the count of the window that holds *now_ms*."""
        start_ms = now_ms - now_ms % self._length_ms
        if start_ms != self._start_ms:
            self._start_ms, self._count = start_ms, 0
        return self._count

    def add(self, amount: int, now_ms: int) -> int:
        """Add *amount*, which may be negative, and return the count, 0 at least."""
        self._count = max(0, self.count(now_ms) + amount)
        return self._count

    def left_s(self, now_ms: int) -> int:
        """Return how many seconds the window still lasts, rounded up."""
        return (self._length_ms - now_ms % self._length_ms + 999) // 1000


class WeightCounter:
    """Count one address; who goes on after many refusals is banned for two minutes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = Window(_MINUTE_MS)
        self._refused = 0
        self._banned_until_ms = 0

    def used(self, now_ms: int) -> int:
        """Return the weight used in this minute."""
        return self._window.count(now_ms)

    def charge(self, weight: int, now_ms: int) -> None:
        """Count *weight*, or raise `ApiError`: nothing has been done then."""
        if now_ms < self._banned_until_ms:
            raise self._ban(now_ms)
        if self._window.count(now_ms) + weight > self._limit:
            self._refused += 1
            if self._refused > _REFUSALS_BEFORE_BAN:
                self._banned_until_ms, self._refused = now_ms + _BAN_MS, 0
                raise self._ban(now_ms)
            raise ApiError(
                -1003,
                f"Too much request weight used; current limit is {self._limit} request weight per 1 MINUTE. "
                "Please use WebSocket Streams for live updates to avoid polling the API.",
                HTTP_TOO_MANY,
                self._window.left_s(now_ms),
            )
        self._window.add(weight, now_ms)

    def give_back(self, weight: int, now_ms: int) -> None:
        """Take *weight* off again: an order that was taken costs none."""
        self._window.add(-weight, now_ms)

    def _ban(self, now_ms: int) -> ApiError:
        return ApiError(
            -1003,
            f"Way too much request weight used; IP banned until {self._banned_until_ms}. "
            "Please use WebSocket Streams for live updates to avoid bans.",
            HTTP_TEAPOT,
            (self._banned_until_ms - now_ms + 999) // 1000,
        )


class OrderCounter:
    """Count one account's orders that did not fill."""

    def __init__(self, limit_10s: int) -> None:
        self.limit_10s = limit_10s
        self._short, self._long = Window(_TEN_SECONDS_MS), Window(_DAY_MS)

    def charge(self, now_ms: int) -> None:
        """Count one new order, or raise `ApiError`: it was not placed then."""
        for window, limit, text in (
            (self._short, self.limit_10s, "10 SECOND"),
            (self._long, DAY_LIMIT, "1 DAY"),
        ):
            if window.count(now_ms) >= limit:
                message = f"Too many new orders; current limit is {limit} orders per {text}."
                raise ApiError(-1015, message, HTTP_TOO_MANY, window.left_s(now_ms))
        self.add(1, now_ms)

    def add(self, amount: int, now_ms: int) -> None:
        """Change both counts: an order that fills is taken off."""
        self._short.add(amount, now_ms)
        self._long.add(amount, now_ms)

    def counts(self, now_ms: int) -> tuple[int, int]:
        """Return the orders of these ten seconds and of this day."""
        return self._short.count(now_ms), self._long.count(now_ms)
