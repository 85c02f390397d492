"""Follow each transfer from proposal to settlement: one table, no clock; a transfer is executed at most once."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import define

# What `told` says of news that are none.
ECHO: Final = "told already, by another name"
# A venue lists a withdrawal within minutes; what comes a day later is another one.
ECHO_WITHIN_NS: Final = 86_400 * 10**9
# Ended transfers are kept for whoever asks again; the journal keeps every one for ever.
ENDED_KEPT: Final = 100


class TransferStatus(StrEnum):
    """Say how far a transfer has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SETTLED = "settled"


# An approval leaves as an instruction; only the settlement, or nothing, follows. Rejecting is for proposals alone:
# an instruction that left may have been executed.
TRANSITIONS: Final[dict[TransferStatus, frozenset[TransferStatus]]] = {
    TransferStatus.PROPOSED: frozenset({TransferStatus.APPROVED, TransferStatus.REJECTED}),
    TransferStatus.APPROVED: frozenset({TransferStatus.SETTLED}),
    TransferStatus.REJECTED: frozenset(),
    TransferStatus.SETTLED: frozenset(),
}
assert set(TRANSITIONS) == set(TransferStatus), "every status has a row"


@define
class Transfer:
    """Hold one transfer of surplus. *amount* is positive and leaves the account.

    *settled_as* is the name under which its settlement was told first; *echoed* says that it was told twice.
    """

    transfer_id: str
    asset: str
    amount: Decimal
    status: TransferStatus
    changed_ns: int
    settled_as: str = ""
    echoed: bool = False


class TransferBook:
    """Keep transfers by id; at most one waits at a time."""

    def __init__(self) -> None:
        self._transfers: dict[str, Transfer] = {}
        self.last_approved_ns = 0

    @property
    def waiting(self) -> str:
        """Return the id of the transfer that is proposed or approved, or empty."""
        return next((name for name, each in self._transfers.items() if TRANSITIONS[each.status]), "")

    def find(self, transfer_id: str) -> Transfer | None:
        """Return the transfer of that id, or `None`."""
        return self._transfers.get(transfer_id)

    def all(self) -> list[Transfer]:
        """Return every transfer that is remembered, oldest first."""
        return list(self._transfers.values())

    def propose(self, transfer_id: str, *, asset: str, amount: Decimal, time_ns: int) -> bool:
        """Add a proposal; return whether it is new. Proposing the same id again changes nothing."""
        if transfer_id in self._transfers or self.waiting:
            return False
        self._transfers[transfer_id] = Transfer(transfer_id, asset, amount, TransferStatus.PROPOSED, time_ns)
        self._forget()
        return True

    def move(self, transfer_id: str, status: TransferStatus, time_ns: int) -> str:
        """Take a transfer to *status*; return why that is refused, empty when it was done."""
        transfer = self._transfers.get(transfer_id)
        if transfer is None:
            return f"no transfer {transfer_id} is known"
        if status not in TRANSITIONS[transfer.status]:
            return f"transfer {transfer_id} is {transfer.status.value}: it cannot become {status.value}"
        transfer.status, transfer.changed_ns = status, time_ns
        if status is TransferStatus.APPROVED:
            self.last_approved_ns = time_ns
        return ""

    def told(self, name: str, *, asset: str, amount: Decimal, time_ns: int) -> str:
        """Take news of money that moved; return what it is to the transfers of ours, empty when nothing.

        An operator tells by the transfer's id, a venue by a name of its own: there asset and amount must fit. Whoever
        tells second gets `ECHO`.
        """
        transfer = self._transfers.get(name)
        if transfer is None:
            return self._told_by_another_name(name, asset, amount, time_ns)
        if transfer.status is TransferStatus.SETTLED:
            transfer.echoed = True
            return ECHO
        return self._settle(transfer, name, time_ns)

    def _told_by_another_name(self, name: str, asset: str, amount: Decimal, time_ns: int) -> str:
        for transfer in self._transfers.values():
            if transfer.asset != asset or transfer.amount != -amount:
                continue
            if transfer.status is TransferStatus.APPROVED:
                return f"{transfer.transfer_id}, {self._settle(transfer, name, time_ns)}"
            recent = time_ns - transfer.changed_ns <= ECHO_WITHIN_NS
            if transfer.settled_as == transfer.transfer_id and not transfer.echoed and recent:
                transfer.echoed = True
                return ECHO
        return ""

    def _settle(self, transfer: Transfer, name: str, time_ns: int) -> str:
        refusal = self.move(transfer.transfer_id, TransferStatus.SETTLED, time_ns)
        if not refusal:
            transfer.settled_as = name
        return refusal or f"instructed {transfer.asset} {transfer.amount}"

    def snapshot(self) -> list[object]:
        """Return the whole memory as plain values."""
        rows = [
            [
                each.transfer_id,
                each.asset,
                each.amount,
                each.status.value,
                each.changed_ns,
                each.settled_as,
                each.echoed,
            ]
            for each in self._transfers.values()
        ]
        return [self.last_approved_ns, rows]

    def restore(self, memory: list[object]) -> None:
        """Take over the memory that `snapshot` returned."""
        last_approved_ns, rows = memory
        assert isinstance(last_approved_ns, int), "a time is a whole number"
        assert isinstance(rows, list), "transfers are rows"
        self.last_approved_ns = last_approved_ns
        self._transfers = {
            name: Transfer(name, asset, amount, TransferStatus(status), *rest)
            for name, asset, amount, status, *rest in rows
        }

    def _forget(self) -> None:
        ended = [name for name, each in self._transfers.items() if not TRANSITIONS[each.status]]
        for name in ended[:-ENDED_KEPT]:
            del self._transfers[name]
