"""Say what every executor of transfers promises, as cases; test none by itself."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from decimal import Decimal
from typing import Final

from attrs import evolve

from meva_adapters.contracts.case import CaseList, ContractBreachError, Kit, expect_equal, expect_true
from meva_adapters.contracts.harness import Bench, Harness, made
from meva_core.commands import TransferFunds
from meva_core.errors import DataError
from meva_core.ports.transfers import TransferExecutor

TRANSFER: Final = TransferFunds("surplus-1", "USDT", Decimal("40.00000001"), "operator")
_AT_ONCE: Final = 8
_ONCE: Final = (
    "Carry transfers out, each once per `transfer_id`, however often and in however many lives it is asked."
)
_DURABLE: Final = "The instruction is durable when this returns."
_RECEIPT: Final = (
    "Return the receipt once money has left, or `None` where somebody else will tell of it later."
)
_ANOTHER: Final = (
    "`DataError` for another transfer under a name that is known: nothing of it was carried out."
)
_LEFT: Final = "Say what left the account: *amount* is negative"


class TransfersHarness(Harness[TransferExecutor]):
    """Make an executor that has carried nothing out, and look at what it did."""

    @abstractmethod
    def carried_out(self, executor: TransferExecutor) -> list[tuple[str, str, Decimal]]:
        """Return (transfer id, asset, amount) of everything that *executor* carried out, in any life."""

    @abstractmethod
    def restarted(self, executor: TransferExecutor) -> TransferExecutor:
        """Return what takes up the work of *executor* in another life of the process."""


TransfersBench = Bench[TransfersHarness, TransferExecutor]
_TRANSFERS: CaseList[TransfersBench] = CaseList()
case = _TRANSFERS.case


@case("TX-01", "carried out, with every digit", promise=_DURABLE)
async def carried_out(bench: TransfersBench) -> None:
    """Carry a transfer out with its own name, asset and amount."""
    await bench.subject.execute(TRANSFER)

    expect_equal([_facts(TRANSFER)], _done(bench), "what was carried out")


@case("TX-02", "asked again", promise=_ONCE)
async def asked_again(bench: TransfersBench) -> None:
    """Do it once, and give the same answer."""
    first, second = await bench.subject.execute(TRANSFER), await bench.subject.execute(TRANSFER)

    expect_equal(first, second, "the second answer")
    expect_equal([TRANSFER.transfer_id], _names(bench, bench.subject), "names of what was carried out")


@case("TX-03", "asked again after a restart", promise=_ONCE)
async def after_a_restart(bench: TransfersBench) -> None:
    """Know what an earlier life carried out."""
    await bench.subject.execute(TRANSFER)
    later = bench.harness.restarted(bench.subject)
    await later.execute(TRANSFER)

    expect_equal([TRANSFER.transfer_id], _names(bench, later), "names of what both lives carried out")


@case("TX-04", "asked many times at once", promise=_ONCE)
async def at_once(bench: TransfersBench) -> None:
    """Take eight requests that are under way together for one transfer."""
    await asyncio.gather(*(bench.subject.execute(TRANSFER) for _ in range(_AT_ONCE)))

    expect_equal([TRANSFER.transfer_id], _names(bench, bench.subject), "names of what was carried out")


@case("TX-05", "another transfer of a known name", promise=_ANOTHER)
async def another_of_that_name(bench: TransfersBench) -> None:
    """Refuse it, and leave the first one as it is: an amount that changed on the way is no small matter."""
    await bench.subject.execute(TRANSFER)
    for other in (evolve(TRANSFER, amount=Decimal(41)), evolve(TRANSFER, asset="BTC")):
        try:
            receipt = await bench.subject.execute(other)
        except DataError:
            continue
        raise ContractBreachError(f"expected DataError for {_facts(other)}, got {receipt!r}")

    expect_equal([_facts(TRANSFER)], _done(bench), "what was carried out")


@case("TX-06", "receipt of money that left", promise=_LEFT)
async def receipt_of_what_left(bench: TransfersBench) -> None:
    """Give none, or one of a negative amount in the asset of the transfer."""
    receipt = await bench.subject.execute(TRANSFER)

    if receipt is not None:
        expect_equal(TRANSFER.asset, receipt.asset, "the asset of the receipt")
        expect_true(receipt.amount < 0, f"money that left has a negative amount: {receipt.amount}")


@case("TX-07", "two transfers", promise=_RECEIPT)
async def two(bench: TransfersBench) -> None:
    """Carry both out, and give each a receipt of its own, or none."""
    other = evolve(TRANSFER, transfer_id="surplus-2")
    receipts = [await bench.subject.execute(each) for each in (TRANSFER, other)]

    expect_equal(sorted(map(_facts, (TRANSFER, other))), sorted(_done(bench)), "what was carried out")
    references = [receipt.reference for receipt in receipts if receipt is not None]
    expect_equal(len(references), len(set(references)), "names of receipts")


def _done(bench: TransfersBench) -> list[tuple[str, str, Decimal]]:
    return bench.harness.carried_out(bench.subject)


def _names(bench: TransfersBench, executor: TransferExecutor) -> list[str]:
    return [name for name, _, _ in bench.harness.carried_out(executor)]


def _facts(transfer: TransferFunds) -> tuple[str, str, Decimal]:
    return transfer.transfer_id, transfer.asset, transfer.amount


TRANSFERS: Final[Kit[TransfersBench]] = Kit(port="transfers", cases=tuple(_TRANSFERS.cases), opened=made)
