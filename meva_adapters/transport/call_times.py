"""Remember how long a venue took for its last answers, for people; hold nothing back and judge nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from meva_core.model.market import NS_PER_MS
from meva_core.ports.controls import CallsView

# Enough for a percentile, and as recent as an operator means it: an agent asks some tens of times a minute.
CALLS_KEPT: Final = 200
_UNANSWERED: Final = -1
_TENTHS: Final = 10


class CallTimes:
    """Keep the last calls. *now_ns* is a clock that never goes back."""

    def __init__(self, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.now_ns = now_ns
        self._took_ns: deque[int] = deque(maxlen=CALLS_KEPT)
        self._answered_ns: int | None = None

    def note(self, left_ns: int) -> None:
        """Take note of an answer to what left at *left_ns*."""
        self._answered_ns = self.now_ns()
        self._took_ns.append(self._answered_ns - left_ns)

    def note_silence(self) -> None:
        """Take note of a call that may have arrived and got no answer."""
        self._took_ns.append(_UNANSWERED)

    def view(self) -> CallsView:
        """Return median and 99th percentile of the answers among the last calls, and the age of the last answer."""
        took = sorted(took_ns for took_ns in self._took_ns if took_ns != _UNANSWERED)
        age_ms = -1 if self._answered_ns is None else (self.now_ns() - self._answered_ns) // NS_PER_MS
        return CallsView(
            calls=len(self._took_ns),
            unanswered=len(self._took_ns) - len(took),
            median_ms=_ms(took[len(took) // 2]) if took else Decimal(0),
            p99_ms=_ms(took[-(-99 * len(took) // 100) - 1]) if took else Decimal(0),
            answered_ms_ago=age_ms,
        )


def _ms(took_ns: int) -> Decimal:
    """Return *took_ns* in tenths of a millisecond: nobody reads more of it."""
    return Decimal(_TENTHS * took_ns // NS_PER_MS).scaleb(-1)
