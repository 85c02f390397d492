"""The contracts of feeds, stores, clocks and sinks find what is wrong, by the case that is about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from meva_adapters.clock.manual import ManualClock
from meva_adapters.contracts.case import Verdict
from meva_adapters.contracts.kits import kit_of
from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.storage.memory import MemorySession
from meva_core.events import Event, StreamGapDetected, StreamLost
from meva_core.ports.clock import Clock
from meva_core.ports.market_feed import Deliver, EventStream
from meva_core.ports.metrics import MetricsSink
from meva_core.ports.storage import JournalEntry, LedgerRow, Session
from meva_runners.harnesses.clocks import ManualClockHarness
from meva_runners.harnesses.market_feeds import BinanceFeedHarness
from meva_runners.harnesses.sinks import MemorySinkHarness
from meva_runners.harnesses.stores import MemorySessionHarness


class FloatClock(ManualClock):
    """Loses the nanoseconds."""

    def now_ns(self) -> int:
        return float(super().now_ns())  # type: ignore[return-value]


class FloatClockHarness(ManualClockHarness):
    def make(self) -> Clock:
        return FloatClock(1)


class RaisingSink(MemoryMetricsSink):
    """Raises in the middle of a decision."""

    def gauge(self, name: str, value: float, tags: Mapping[str, str] | None = None) -> None:
        int(value)
        super().gauge(name, value, tags)


class RaisingSinkHarness(MemorySinkHarness):
    def make(self) -> MetricsSink:
        return RaisingSink()


class ForgetfulHarness(MemorySessionHarness):
    """Commits to nothing."""

    def restarted(self, session: Session) -> Session:
        return MemorySession(HEADER)


class HastySession(MemorySession):
    """Books first and journals later: a commit may fall in between."""

    def append(self, entry: JournalEntry, postings: Sequence[LedgerRow] = ()) -> None:
        self._pending_ledger += postings
        time.sleep(0)
        super().append(entry)


class HastyHarness(MemorySessionHarness):
    def make(self) -> Session:
        return HastySession(HEADER)


class Hushed:
    """Keeps some events to itself."""

    name = "market"

    def __init__(self, inner: EventStream, kinds: tuple[type[Event], ...]) -> None:
        self.inner = inner
        self.kinds = kinds

    async def run(self, deliver: Deliver) -> None:
        await self.inner.run(lambda event: None if isinstance(event, self.kinds) else deliver(event))


def hushed(*kinds: type[Event]) -> Callable[[], Any]:
    """Return a harness whose feed does not tell events of *kinds*."""

    class Harness(BinanceFeedHarness):
        async def start(self) -> EventStream:
            return Hushed(await super().start(), kinds)

    return Harness


@pytest.mark.parametrize(
    ("make", "case"),
    [
        (FloatClockHarness, "CL-01"),
        (RaisingSinkHarness, "ME-08"),
        (ForgetfulHarness, "ST-07"),
        (HastyHarness, "ST-19"),
        (hushed(StreamGapDetected, StreamLost), "MF-05"),
        (hushed(StreamLost), "MF-06"),
    ],
    ids=[
        "float clock",
        "raising sink",
        "forgetful store",
        "hasty store",
        "feed hides gaps",
        "feed hides losses",
    ],
)
def test_a_broken_adapter_fails_its_case(make: Callable[[], Any], case: str) -> None:
    """The case about it is broken; the first of the contract, which is about something else, is not."""
    kit = kit_of(make())
    found = {each.case_id: asyncio.run(kit.prove(each, make)) for each in kit.chosen([case])}
    other = kit.cases[1]

    assert Verdict.BROKEN == found[case].verdict
    assert Verdict.PROVEN == asyncio.run(kit.prove(other, make)).verdict
