"""The contracts of feeds, stores, clocks and sinks find what is wrong, by the case that is about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from meva_adapters.clock.manual import ManualClock
from meva_adapters.contracts.case import Verdict
from meva_adapters.contracts.kits import kit_of
from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.storage.memory import MemorySession
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_core.commands import TransferFunds
from meva_core.events import Event, StreamGapDetected, StreamLost
from meva_core.ports.clock import Clock
from meva_core.ports.market_feed import Deliver, EventStream
from meva_core.ports.metrics import MetricsSink
from meva_core.ports.storage import JournalEntry, LedgerRow, Session
from meva_core.ports.transfers import TransferExecutor, TransferReceipt
from meva_runners.harnesses.clocks import ManualClockHarness
from meva_runners.harnesses.market_feeds import BinanceFeedHarness
from meva_runners.harnesses.sinks import MemorySinkHarness
from meva_runners.harnesses.stores import MemorySessionHarness
from meva_runners.harnesses.transfers import FolderTransfersHarness, MemoryTransfersHarness


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


class HastyExecutor(MemoryTransferExecutor):
    """Pays first and looks later whether it had paid."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[TransferFunds] = []

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        if transfer.transfer_id not in self.paid:
            await asyncio.sleep(0)
            self.out.append(transfer)
        return await super().execute(transfer)


class HastyTransfersHarness(MemoryTransfersHarness):
    def make(self) -> TransferExecutor:
        return HastyExecutor()

    def carried_out(self, executor: TransferExecutor) -> list[tuple[str, str, Decimal]]:
        assert isinstance(executor, HastyExecutor)
        return [(each.transfer_id, each.asset, each.amount) for each in executor.out]


class RoundingExecutor(MemoryTransferExecutor):
    """Pays no more than two digits."""

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        return await super().execute(evolve(transfer, amount=round(transfer.amount, 2)))


class RoundingTransfersHarness(MemoryTransfersHarness):
    def make(self) -> TransferExecutor:
        return RoundingExecutor()


class ForgetfulTransfersHarness(FolderTransfersHarness):
    """Begins every life with the memory of none, and writes what it is asked to."""

    def restarted(self, executor: TransferExecutor) -> TransferExecutor:
        for path in self._folder.iterdir():
            path.rename(path.with_name(f"done-{path.name}"))
        return super().restarted(executor)


class LaxExecutor(MemoryTransferExecutor):
    """Takes another transfer under a known name for the same."""

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        return await super().execute(self.paid.get(transfer.transfer_id, transfer))


class LaxTransfersHarness(MemoryTransfersHarness):
    def make(self) -> TransferExecutor:
        return LaxExecutor()


class CheerfulExecutor(MemoryTransferExecutor):
    """Tells of money that left as of money that came."""

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        receipt = await super().execute(transfer)
        return None if receipt is None else evolve(receipt, amount=-receipt.amount)


class CheerfulTransfersHarness(MemoryTransfersHarness):
    def make(self) -> TransferExecutor:
        return CheerfulExecutor()


@pytest.mark.parametrize(
    ("make", "case"),
    [
        (FloatClockHarness, "CL-01"),
        (RaisingSinkHarness, "ME-08"),
        (ForgetfulHarness, "ST-07"),
        (HastyHarness, "ST-19"),
        (hushed(StreamGapDetected, StreamLost), "MF-05"),
        (hushed(StreamLost), "MF-06"),
        (RoundingTransfersHarness, "TX-01"),
        (ForgetfulTransfersHarness, "TX-03"),
        (HastyTransfersHarness, "TX-04"),
        (LaxTransfersHarness, "TX-05"),
        (CheerfulTransfersHarness, "TX-06"),
    ],
    ids=[
        "float clock",
        "raising sink",
        "forgetful store",
        "hasty store",
        "feed hides gaps",
        "feed hides losses",
        "transfer rounded",
        "transfer forgotten",
        "transfer paid twice",
        "transfer changed",
        "receipt of money that came",
    ],
)
def test_a_broken_adapter_fails_its_case(make: Callable[[], Any], case: str) -> None:
    """The case about it is broken; the first of the contract, which is about something else, is not."""
    kit = kit_of(make())
    found = {each.case_id: asyncio.run(kit.prove(each, make)) for each in kit.chosen([case])}
    other = kit.cases[1]

    assert Verdict.BROKEN == found[case].verdict
    assert Verdict.PROVEN == asyncio.run(kit.prove(other, make)).verdict
