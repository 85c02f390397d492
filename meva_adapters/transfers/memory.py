"""Carry transfers out in memory, as a desk that pays at once; for simulations and tests."""

from __future__ import annotations

from meva_core.commands import TransferFunds
from meva_core.errors import DataError
from meva_core.ports.transfers import TransferReceipt


class MemoryTransferExecutor:
    """Pay every transfer once. *paid* holds what was paid, by id."""

    def __init__(self) -> None:
        self.paid: dict[str, TransferFunds] = {}

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        """Pay *transfer* unless that was done; the receipt is the same each time."""
        name = transfer.transfer_id
        if self.paid.setdefault(name, transfer) != transfer:
            raise DataError(
                name, 0, "another transfer of that name was paid.", "Give each a name of its own."
            )
        return TransferReceipt(transfer.asset, -transfer.amount, f"memory-{name}")
