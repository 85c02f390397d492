"""An approved transfer leaves when its approval is durable, and at every start until it is settled; it pays once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.storage.memory import MemorySession
from meva_core.commands import RaiseAlert, TransferFunds
from meva_core.errors import StorageError
from meva_core.events import TimerFired, TransferAnswerRequested, TransferSettled
from meva_core.portfolio.transfer_book import TransferStatus
from meva_core.ports.storage import JournalEntry
from meva_core.ports.transfers import TransferReceipt
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.composition import instruments_of
from tests.integration.runners.live_driver_case import Case, until
from tests.unit.test_treasury_service import TRANSFER, proposing


class FullDisk:
    """Be an executor that cannot write its instruction."""

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        """Fail."""
        raise StorageError(transfer.transfer_id, "was not written.", "Make room.")


def approved() -> Case:
    """Return a driver of an agent in whose books a transfer of 40 is approved and not settled."""
    case = Case()
    book = case.agent.services.treasury.transfers
    book.propose("surplus-1", asset="USDT", amount=Decimal(40), time_ns=1)
    book.move("surplus-1", TransferStatus.APPROVED, 2)
    return case


async def ended(case: Case, condition: object) -> None:
    """Run the driver until *condition* holds, and stop it."""
    task = asyncio.create_task(case.driver.run(case.streams))
    try:
        await until(condition)
    finally:
        case.driver.stop("the test is over")
        await asyncio.wait_for(task, 10)


def test_an_approval_waits_for_the_disk() -> None:
    """The instruction is among what leaves only when the event that caused it is durable."""
    bench = proposing()
    session = MemorySession(HEADER)
    for sequence in range(1, bench.agent.sequence + 1):  # What the agent has handled before.
        session.append(JournalEntry(sequence, TimerFired(1, ""), (), (), b""))
    process = CommittingAgent(
        bench.agent,
        session,
        instruments=instruments_of(bench.config),
        now_ns=lambda: bench.time_ns,
        checkpoint_events=10_000,
    )
    decided = process.decide(TransferAnswerRequested(bench.time_ns, "r", "ann", TRANSFER, True, "rent"))

    assert [TRANSFER] == [each.transfer_id for each in decided.orders if isinstance(each, TransferFunds)]
    assert not any(isinstance(command, TransferFunds) for command in decided.commands)


async def test_a_new_process_asks_again_and_the_money_leaves_once() -> None:
    """Whatever the last process managed to do, the account loses 40 and the transfer ends."""
    case = approved()
    before = case.agent.state().balances["USDT"].total
    await ended(case, lambda: case.count(TransferSettled))

    assert ["surplus-1"] == list(case.transfers.paid)
    assert before - 40 == case.agent.state().balances["USDT"].total
    assert [TransferStatus.SETTLED] == [each.status for each in case.agent.services.treasury.transfers.all()]


async def test_an_instruction_that_cannot_be_written_is_told_and_stops_nothing() -> None:
    """A person hears of it, the agent trades on, and the transfer waits for the next start."""
    case = approved()
    case.driver._performer._transfers = FullDisk()

    def told() -> bool:
        return any(alert.code == "transfer_not_instructed" for alert in case.alerts)

    await ended(case, told)

    assert all(isinstance(alert, RaiseAlert) for alert in case.alerts)
    assert None is case.driver.failure
    assert [TransferStatus.APPROVED] == [each.status for each in case.agent.services.treasury.transfers.all()]
