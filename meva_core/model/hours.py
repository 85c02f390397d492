"""Read times of day and spans of them, in UTC; know no dates and no other zones."""

from __future__ import annotations

import re
from typing import Final, Self

from attrs import frozen

from meva_core.model.market import NS_PER_SECOND

NS_PER_DAY: Final = 86_400 * NS_PER_SECOND
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def time_of_day_ns(text: str) -> int | None:
    """Return how long after midnight the time *text*, `HH:MM`, is; `None` when it is none."""
    found = _TIME.fullmatch(text)
    return None if found is None else (int(found[1]) * 60 + int(found[2])) * 60 * NS_PER_SECOND


@frozen
class Hours:
    """Be the hours of each day from *start_ns* up to, and without, *end_ns*; both count from midnight."""

    start_ns: int
    end_ns: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the span *text*, `HH:MM-HH:MM`, which may pass midnight; `None` when it is none or empty."""
        first, _, last = text.partition("-")
        start_ns, end_ns = time_of_day_ns(first), time_of_day_ns(last)
        if start_ns is None or end_ns is None or start_ns == end_ns:
            return None
        return cls(start_ns, end_ns)

    def hold(self, time_ns: int) -> bool:
        """Return whether *time_ns* is within them."""
        of_day_ns = time_ns % NS_PER_DAY
        if self.start_ns < self.end_ns:
            return self.start_ns <= of_day_ns < self.end_ns
        return of_day_ns >= self.start_ns or of_day_ns < self.end_ns
