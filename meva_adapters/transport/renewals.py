"""Space out what is asked for again and again: at once after a quiet while, then ever later; renew nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from meva_adapters.transport.backoff import Backoff
from meva_core.ports.clock import Clock

_FIRST_S: Final = 1.0
_LONGEST_S: Final = 60.0
# Twice the longest wait: who is asked again within it was not helped by the last time.
_QUIET_NS: Final = 120 * 10**9


class Renewals:
    """Call *renew* with a name when it is asked for, on the running loop; *jitter* draws from [0, 1).

    A name that is asked for while it waits is renewed once. Within two minutes of the last time it waits: a second,
    two, four, ... a minute at most.
    """

    def __init__(self, renew: Callable[[str], None], *, clock: Clock, jitter: Callable[[], float]) -> None:
        self._renew = renew
        self._clock = clock
        self._jitter = jitter
        self._backoffs: dict[str, Backoff] = {}
        self._renewed_ns: dict[str, int] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    def ask(self, name: str) -> None:
        """Have *name* renewed as soon as it may be."""
        if name in self._waiting:
            return
        last_ns, now_ns = self._renewed_ns.get(name), self._clock.monotonic_ns()
        wait_s = 0.0
        if last_ns is None or now_ns - last_ns >= _QUIET_NS:
            self._backoffs[name] = Backoff(self._jitter, first_s=_FIRST_S, longest_s=_LONGEST_S)
        else:
            wait_s = max(0.0, self._backoffs[name].next_s() - (now_ns - last_ns) / 10**9)
        self._waiting[name] = asyncio.get_running_loop().call_later(wait_s, self._end_wait, name)

    def stop(self) -> None:
        """Forget what waits."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting = {}

    def _end_wait(self, name: str) -> None:
        del self._waiting[name]
        self._renewed_ns[name] = self._clock.monotonic_ns()
        self._renew(name)
