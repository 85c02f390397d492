"""Say what every executor of transfers promises, as cases to subclass; test none by itself.

| case | promise |
|---|---|
| TX-01 | a transfer is carried out, with its asset and amount |
| TX-02 | asked again, it is not carried out again, and the answer is the same |
| TX-03 | asked again after a restart, it is not carried out again |
| TX-04 | asked many times at once, it is carried out once |
| TX-05 | another transfer under a known name is refused, and the first one stays |
| TX-06 | a receipt says that money left: its amount is negative |
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from attrs import evolve

from meva_core.commands import TransferFunds
from meva_core.errors import DataError
from meva_core.ports.transfers import TransferExecutor

TRANSFER = TransferFunds("surplus-1", "USDT", Decimal("40.00000001"), "operator")


class TransferExecutorContract:
    """Subclass it, give a fixture *executor*, `carried_out` and `restarted`, and pytest runs every case."""

    @pytest.fixture
    def executor(self) -> TransferExecutor:
        """Return the executor under test."""
        raise pytest.UsageError("give a fixture named executor")

    def carried_out(self, executor: TransferExecutor) -> list[tuple[str, str, Decimal]]:
        """Return (transfer_id, asset, amount) of everything that *executor* carried out."""
        raise pytest.UsageError("say what was carried out: override carried_out")

    def restarted(self, executor: TransferExecutor) -> TransferExecutor:
        """Return what takes up the work of *executor* in another life of the process."""
        raise pytest.UsageError("say how it restarts: override restarted")

    async def test_tx_01_carried_out(self, executor: TransferExecutor) -> None:
        """TX-01: amounts keep every digit."""
        await executor.execute(TRANSFER)

        assert [("surplus-1", "USDT", Decimal("40.00000001"))] == self.carried_out(executor)

    async def test_tx_02_once(self, executor: TransferExecutor) -> None:
        """TX-02: the second answer is the first."""
        first, second = await executor.execute(TRANSFER), await executor.execute(TRANSFER)

        assert first == second
        assert 1 == len(self.carried_out(executor))

    async def test_tx_03_once_over_restarts(self, executor: TransferExecutor) -> None:
        """TX-03: what was carried out in an earlier life stays so."""
        await executor.execute(TRANSFER)
        later = self.restarted(executor)
        await later.execute(TRANSFER)

        assert 1 == len(self.carried_out(later))

    async def test_tx_04_once_at_once(self, executor: TransferExecutor) -> None:
        """TX-04: eight requests under way together are one transfer."""
        await asyncio.gather(*(executor.execute(TRANSFER) for _ in range(8)))

        assert 1 == len(self.carried_out(executor))

    async def test_tx_05_another_of_that_name(self, executor: TransferExecutor) -> None:
        """TX-05: an amount that changed under way is no small matter."""
        await executor.execute(TRANSFER)
        with pytest.raises(DataError):
            await executor.execute(evolve(TRANSFER, amount=Decimal(41)))

        assert [Decimal("40.00000001")] == [amount for _, _, amount in self.carried_out(executor)]

    async def test_tx_06_receipts_are_of_money_that_left(self, executor: TransferExecutor) -> None:
        """TX-06: no receipt, or one of a negative amount in the asset of the transfer."""
        receipt = await executor.execute(TRANSFER)

        assert receipt is None or (receipt.asset == "USDT" and receipt.amount < 0)
