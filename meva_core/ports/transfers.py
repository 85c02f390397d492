"""Define who carries out a transfer that an operator approved; the agent's own key cannot withdraw."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from attrs import frozen

from meva_core.commands import TransferFunds


@frozen
class TransferReceipt:
    """Say what left the account: *amount* is negative, *reference* is the name that its executor gave it."""

    asset: str
    amount: Decimal
    reference: str


class TransferExecutor(Protocol):
    """Carry transfers out, each once per `transfer_id`, however often and in however many lives it is asked."""

    async def execute(self, transfer: TransferFunds) -> TransferReceipt | None:
        """Return the receipt once money has left, or `None` where somebody else will tell of it later.

        The instruction is durable when this returns. Raise `StorageError` when it could not be made so, and
        `DataError` for another transfer under a name that is known: nothing of it was carried out.
        """
        ...
