"""Run the contract of transfers on the executors that ship: the folder of instructions, and the desk in memory."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from meva_adapters.contracts.transfers_kit import TransfersHarness
from meva_adapters.transfers.instruction_folder import FolderTransferExecutor
from meva_adapters.transfers.memory import MemoryTransferExecutor
from meva_core.ports.transfers import TransferExecutor


class MemoryTransfersHarness(TransfersHarness):
    """A desk that pays at once; its memory is what it paid."""

    def make(self) -> TransferExecutor:
        """Return one."""
        return MemoryTransferExecutor()

    def carried_out(self, executor: TransferExecutor) -> list[tuple[str, str, Decimal]]:
        """Return what it paid."""
        assert isinstance(executor, MemoryTransferExecutor), "it made this executor"
        return [(each.transfer_id, each.asset, each.amount) for each in executor.paid.values()]

    def restarted(self, executor: TransferExecutor) -> TransferExecutor:
        """Return the same: memory ends with the process, and so does what was paid from it."""
        return executor


class FolderTransfersHarness(TransfersHarness):
    """One file for each transfer, in a folder of its own."""

    def make(self) -> TransferExecutor:
        """Return one with an empty folder."""
        self._temporary = TemporaryDirectory(prefix="meva-transfers-")
        self._folder = Path(self._temporary.name) / "transfers"
        return FolderTransferExecutor(self._folder)

    def close(self) -> None:
        """Remove the folder."""
        self._temporary.cleanup()

    def carried_out(self, executor: TransferExecutor) -> list[tuple[str, str, Decimal]]:
        """Return what the files say."""
        found = [orjson.loads(path.read_bytes()) for path in sorted(self._folder.iterdir())]
        return [(each["transfer_id"], each["asset"], Decimal(each["amount"])) for each in found]

    def restarted(self, executor: TransferExecutor) -> TransferExecutor:
        """Return another one on the same folder."""
        return FolderTransferExecutor(self._folder)


memory = MemoryTransfersHarness
folder = FolderTransfersHarness
