"""Count the orders of the recent past, in all and alike, so that a runaway loop stops itself (fault F4)."""

from __future__ import annotations

from collections import defaultdict, deque


class OrderRate:
    """Remember when orders were approved, for *window_ns*; memory is bounded by the limit on orders."""

    def __init__(self, *, window_ns: int) -> None:
        self._window_ns = window_ns
        self._times: deque[tuple[int, str]] = deque()
        self._alike: defaultdict[str, int] = defaultdict(int)

    def count(self, time_ns: int, kind: str) -> tuple[int, int]:
        """Return (orders, orders of *kind*) in the window that ends at *time_ns*."""
        oldest = time_ns - self._window_ns
        times, alike = self._times, self._alike
        while times and times[0][0] <= oldest:
            alike[times.popleft()[1]] -= 1
        return len(times), alike[kind]

    def add(self, time_ns: int, kind: str) -> None:
        """Count an order of *kind*, such as strategy, symbol and side."""
        self._times.append((time_ns, kind))
        self._alike[kind] += 1

    def snapshot(self) -> list[list[int | str]]:
        """Return the remembered orders, oldest first."""
        return [[time_ns, kind] for time_ns, kind in self._times]

    def restore(self, rows: list[list[int | str]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._times.clear()
        self._alike.clear()
        for time_ns, kind in rows:
            self.add(int(time_ns), str(kind))
