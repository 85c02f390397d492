"""Count the orders of the recent past, in all and alike, so that a runaway loop stops itself (fault F4)."""

from __future__ import annotations

from collections import defaultdict, deque

from meva_core.model.market import Side


class OrderKinds(dict[str, str]):
    """Name what is alike of one symbol's orders on one *side*, by strategy; each name is made once."""

    def __init__(self, symbol: str, side: Side) -> None:
        super().__init__()
        self._of_symbol = f":{symbol}:{side.value}"

    def __missing__(self, strategy: str) -> str:
        """Make the name for *strategy*."""
        kind = self[strategy] = strategy + self._of_symbol
        return kind


class OrderRate:
    """Remember when orders were approved, for *window_ns*; memory is bounded by who counts often enough.

    *times* holds every order remembered, oldest first; those of them that have left the window are forgotten when
    somebody counts.
    """

    def __init__(self, *, window_ns: int) -> None:
        self._window_ns = window_ns
        self.times: deque[tuple[int, str]] = deque()
        self._alike: defaultdict[str, int] = defaultdict(int)  # Of the first so many orders:
        self._counted = 0

    def count(self, time_ns: int, kind: str) -> tuple[int, int]:
        """Return (orders, orders of *kind*) in the window that ends at *time_ns*."""
        oldest = time_ns - self._window_ns
        times, alike = self.times, self._alike
        for place in range(self._counted - len(times), 0):
            alike[times[place][1]] += 1
        while times and times[0][0] <= oldest:
            alike[times.popleft()[1]] -= 1
        self._counted = len(times)
        return self._counted, alike[kind]

    def add(self, time_ns: int, kind: str) -> None:
        """Remember an order of *kind*, such as strategy, symbol and side."""
        self.times.append((time_ns, kind))

    def snapshot(self) -> list[list[int | str]]:
        """Return the remembered orders, oldest first."""
        return [[time_ns, kind] for time_ns, kind in self.times]

    def restore(self, rows: list[list[int | str]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self.times.clear()
        self._alike.clear()
        self._counted = 0
        for time_ns, kind in rows:
            self.add(int(time_ns), str(kind))
