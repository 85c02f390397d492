"""Carry what a venue said and nobody understood to the log at once and to the agent now and then; judge none of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from loguru import logger

from meva_core.events import VenueAnomalyDetected
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.clock import Clock
from meva_core.ports.market_feed import Deliver

# A venue that sends nothing but nonsense fills no journal: one event per kind and minute says how much came.
_PAUSE_NS: Final = 60 * NS_PER_SECOND
# Questions that went unanswered and are asked again: the network's doing, worth telling when it lasts.
_PATIENCE: Final = {"no_rules": 10, "no_snapshot": 10, "no_token": 10}


class VenueAnomalies:
    """Be told of anomalies by the calls and streams of a venue, and a stream of them to the agent.

    The first of a kind is delivered at once, later ones with their number when a minute has passed. What was noted
    before the stream runs is delivered when it does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deliver: Deliver | None = None
        self._pending: Counter[str] = Counter()
        self._newest: dict[str, str] = {}
        self._told_ns: dict[str, int] = {}

    @property
    def name(self) -> str:
        """Return `anomalies`."""
        return "anomalies"

    def note(self, kind: str, detail: str) -> None:
        """Take one anomaly; *kind* is one of a few."""
        logger.bind(category="market_data", kind=kind, detail=detail).warning("venue.anomaly")
        self._pending[kind] += 1
        self._newest[kind] = detail
        self._tell(kind)

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled."""
        self._deliver = deliver
        try:
            while True:
                for kind in tuple(self._pending):
                    self._tell(kind)
                await asyncio.sleep(_PAUSE_NS / NS_PER_SECOND)
        finally:
            self._deliver = None

    def _tell(self, kind: str) -> None:
        """Deliver what is pending of *kind*, where it is enough and not too soon."""
        count, now_ns = self._pending[kind], self._clock.monotonic_ns()
        told_ns = self._told_ns.get(kind)
        if self._deliver is None or count < _PATIENCE.get(kind, 1):
            return
        if told_ns is not None and now_ns - told_ns < _PAUSE_NS:
            return
        self._told_ns[kind] = now_ns
        del self._pending[kind]
        self._deliver(VenueAnomalyDetected(self._clock.now_ns(), kind, self._newest[kind], count))
