"""Hand approved transfers to whoever carries them out, and bring back what was paid; approve nothing."""

from __future__ import annotations

from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.treasury_desk import OPERATOR
from meva_core.commands import TransferFunds
from meva_core.events import TransferSettled
from meva_core.portfolio.transfer_book import TransferStatus
from meva_core.ports.transfers import TransferExecutor


async def carry_out(
    executor: TransferExecutor, command: TransferFunds, *, now_ns: int
) -> TransferSettled | None:
    """Return the settlement of *command*, or `None` where it comes later; raise what *executor* raises."""
    receipt = await executor.execute(command)
    if receipt is None:
        return None
    note = f"paid as {receipt.reference}"
    return TransferSettled(now_ns, command.transfer_id, receipt.asset, receipt.amount, note)


def unsettled_transfers(agent: AgentOrchestrator) -> list[TransferFunds]:
    """Return every transfer that was approved and not settled, for the first thing that a new process does.

    Whether the process before has handed them over is unknown; an executor carries each out once all the same.
    """
    return [
        TransferFunds(each.transfer_id, each.asset, each.amount, OPERATOR)
        for each in agent.services.treasury.transfers.all()
        if each.status is TransferStatus.APPROVED
    ]
