"""Record what a replay handles in a session: quiet rows in bulk, everything else entry by entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from meva_core.agent.outbox import Outcome
from meva_core.data.replay_loader import block_events
from meva_core.errors import InvariantError
from meva_core.events import Event
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import BarBlock, Block, TradeBlock
from meva_core.ports.storage import JournalEntry, Session
from meva_runners.sessions.ledger_rows import ledger_rows


class SessionRecorder:
    """Be the driver's `Recorder` for *session*.

    It commits once per block. An order of a replay goes to a venue in this process, so no order needs to be durable
    before it is sent; an order of a live session does.
    """

    def __init__(
        self,
        session: Session,
        instruments: dict[str, Instrument],
        *,
        checkpoint: Callable[[], dict[str, Any]],
        checkpoint_events: int,
    ) -> None:
        self._session = session
        self._instruments = instruments
        self._checkpoint = checkpoint
        self._checkpoint_events = checkpoint_events
        self._block: Block | None = None
        self._row = 0
        self._recorded = self._checkpointed = session.last_sequence()

    def begin(self, block: Block, start: int) -> None:
        """Learn that rows of *block* from *start* on come next."""
        self._block, self._row = block, start

    def record(self, event: Event, outcome: Outcome) -> None:
        """Keep an event with what followed; the rows before it were quiet."""
        self._keep_quiet_rows(outcome.sequence - 1)
        self._append(event, outcome)

    def record_row(self, outcome: Outcome) -> None:
        """Keep the newest row with what followed; the rows before it were quiet."""
        self._keep_quiet_rows(outcome.sequence - 1)
        assert self._block is not None, "rows come from a block"
        [event] = block_events(self._block, self._row, self._row + 1)
        self._row += 1
        self._append(event, outcome)

    def end(self, sequence: int) -> None:
        """Commit the block, with a checkpoint when enough has happened since the last one."""
        self._keep_quiet_rows(sequence)
        if sequence - self._checkpointed >= self._checkpoint_events:
            self.save(sequence)
        else:
            self._session.commit()

    def save(self, sequence: int) -> None:
        """Commit with a checkpoint after event *sequence*."""
        self._checkpointed = sequence
        self._session.save(sequence, self._checkpoint())

    def _keep_quiet_rows(self, last_sequence: int) -> None:
        count = last_sequence - self._recorded
        if not count:
            return
        first, start, stop = self._recorded + 1, self._row, self._row + count
        block = self._block
        if isinstance(block, TradeBlock):
            self._session.append_trades(first, block, start=start, stop=stop)
        elif isinstance(block, BarBlock):
            self._session.append_bars(first, block, start=start, stop=stop)
        else:
            raise InvariantError("events that come one by one are recorded one by one", f"{count} were not")
        self._row, self._recorded = stop, last_sequence

    def _append(self, event: Event, outcome: Outcome) -> None:
        entry = JournalEntry(outcome.sequence, event, outcome.commands, outcome.decisions, outcome.link)
        self._session.append(entry, ledger_rows(outcome, self._instruments))
        self._recorded = outcome.sequence
