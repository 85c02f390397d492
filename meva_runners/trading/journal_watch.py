"""Notice a disk that hangs instead of failing: trading waits while it does, and the agent ends if it never answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from meva_core.config.schema import RuntimeConfig
from meva_core.errors import StorageError
from meva_core.events import JournalCaughtUp, JournalStalled
from meva_core.ports.clock import Clock
from meva_runners.trading.journal_writer import JournalWriter
from meva_runners.trading.promise import Promise

# So many looks per patience: none of them costs more than a comparison of two numbers.
_LOOKS: Final = 4


async def watch_journal(
    writer: JournalWriter,
    settings: RuntimeConfig,
    clock: Clock,
    ask: Callable[[JournalStalled | JournalCaughtUp], Promise],
) -> None:
    """Tell the agent through *ask* when a commit is overdue, and when all is durable again; give up at the limit."""
    patience_s = settings.commit_patience_ms / 1_000
    limit_s = max(float(settings.commit_limit_s), patience_s)
    while True:
        await asyncio.sleep(patience_s / _LOOKS)
        waited_s = writer.waited_s
        if waited_s < patience_s:
            continue
        durable = ask(JournalStalled(clock.now_ns(), int(waited_s * 1_000)))
        await asyncio.wait({durable}, timeout=max(0.0, limit_s - waited_s))
        if not durable.done():
            writer.give_up(hanging(limit_s))
            return
        if durable.exception() is not None:
            return  # The writer has told of it.
        ask(JournalCaughtUp(clock.now_ns()))


def hanging(waited_s: float) -> StorageError:
    """Return the failure of a commit that has not come to its end for so long."""
    problem = f"does not answer: a commit has not come to its end for {waited_s:g} s."
    remedy = "Look at the disk, then start again; what was committed is safe."
    return StorageError("the session's disk", problem, remedy)
