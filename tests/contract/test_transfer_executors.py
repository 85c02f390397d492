"""Every executor of transfers keeps the contract; one that is told by a runner settles what it paid, once."""

from __future__ import annotations

import asyncio
import stat
from decimal import Decimal
from pathlib import Path

import pytest

from meva_adapters.contracts.transfers import TransfersContract
from meva_adapters.contracts.transfers_kit import TRANSFER
from meva_adapters.transfers.instruction_folder import FolderTransferExecutor
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_core.commands import TransferFunds
from meva_core.errors import DataError, StorageError
from meva_runners.harnesses.transfers import FolderTransfersHarness, MemoryTransfersHarness
from meva_runners.trading.transfer_performer import carry_out, unsettled_transfers
from tests.unit.test_treasury_service import TRANSFER as PROPOSED
from tests.unit.test_treasury_service import proposing


class TestMemoryTransferExecutor(TransfersContract):
    """A desk that pays at once."""

    harness = MemoryTransfersHarness


class TestFolderTransferExecutor(TransfersContract):
    """One file for each."""

    harness = FolderTransfersHarness


def test_the_folder_is_private_and_a_name_stays_in_it(tmp_path: Path) -> None:
    """Nobody else reads where money goes, and no name leads elsewhere."""
    executor = FolderTransferExecutor(tmp_path / "transfers")
    asyncio.run(executor.execute(TRANSFER))
    with pytest.raises(DataError):
        asyncio.run(executor.execute(TransferFunds("../evil", "USDT", Decimal(1), "operator")))
    [path] = tmp_path.rglob("*.json")

    assert (0o600, 0o700) == (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode))


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "transfers").write_text("")

    with pytest.raises(StorageError, match="was not written"):
        await FolderTransferExecutor(tmp_path / "transfers").execute(TRANSFER)


async def test_what_was_paid_is_settled_once_whenever_the_process_ended() -> None:
    """Killed before, while or after paying: the next life asks again, and the account loses it once."""
    executor = MemoryTransferExecutor()
    bench = proposing()
    bench.answer()
    for _ in range(3):  # Each life takes up what no settlement has ended.
        bench.restart()
        for command in unsettled_transfers(bench.agent):
            settled = await carry_out(executor, command, now_ns=bench.time_ns)
            assert settled is not None
            bench.give(settled)
            bench.give(settled)

    assert [PROPOSED] == list(executor.paid)
    assert Decimal(960) == bench.agent.state().balances["USDT"].total
    assert [] == unsettled_transfers(bench.agent)
