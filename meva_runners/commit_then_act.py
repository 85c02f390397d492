"""Let no order leave before its cause is durable: decide, commit, act. It waits for nothing and sends nothing itself.

`CommittingAgent.handle` yields the steps in the order in which whoever drives it must take them. Between two steps
other events may be handled; the gate is asked anew for every order, in the same step that hands it over (I12).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, get_args

from attrs import frozen

from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.commands import Command, PlaceOrder, PromptCommand, TransferFunds
from meva_core.errors import StorageError
from meva_core.events import CostRecorded, Event, OperatorEvent, OrderDropped, TransferSettled
from meva_core.model.instrument import Instrument
from meva_core.ports.storage import JournalEntry, Session
from meva_runners.sessions.ledger_rows import ledger_rows

Observer = Callable[[Event, Outcome], None]
Compose = Callable[[Mapping[str, Any] | None], AgentOrchestrator]


class Commit(Enum):
    """Be the step "make everything so far durable"."""

    NOW = "now"


Step = Commit | Command
COMMIT: Final = Commit.NOW
# Whoever asked for these is answered when the answer is durable.
_ANSWERED: Final = (*get_args(OperatorEvent), CostRecorded, TransferSettled)


@frozen
class Decided:
    """Hold what follows from an event: *commands* wait for no disk, *orders* of any kind until it is durable.

    *outcome* is all of it, for those who only look.
    """

    commands: tuple[PromptCommand, ...]
    orders: tuple[PlaceOrder | TransferFunds, ...]
    outcome: Outcome


class CommittingAgent:
    """Journal everything that an agent handles, and order its steps.

    *now_ns* tells the agent's time when an order is handed over; *observers* see every event with its outcome.
    """

    def __init__(
        self,
        agent: AgentOrchestrator,
        session: Session,
        *,
        instruments: Mapping[str, Instrument],
        now_ns: Callable[[], int],
        checkpoint_events: int,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.agent = agent
        self._session = session
        self._instruments = instruments
        self._now_ns = now_ns
        self._checkpoint_events = checkpoint_events
        self._checkpointed = session.last_sequence()
        self._observers = tuple(observers)
        self._handled_ns = 0

    def handle(self, event: Event) -> Iterator[Step]:
        """Handle *event*; yield what to do. Cancels and questions wait for no disk; orders wait for the commit."""
        decided = self.decide(event)
        self.tell(event, decided)
        yield from decided.commands
        if decided.orders or isinstance(event, _ANSWERED):
            yield COMMIT
        for order in decided.orders:
            dropped = self.refusal(order) if isinstance(order, PlaceOrder) else None
            if dropped is None:
                yield order
            else:
                yield from self.handle(dropped)

    def decide(self, event: Event) -> Decided:
        """Handle *event* and buffer it for the journal; return what to do at once, and what once it is durable.

        Whoever asks owes a `tell` of it, in the order of the events.
        """
        outcome = self._decide(event)
        orders = tuple(
            command for command in outcome.commands if isinstance(command, PlaceOrder | TransferFunds)
        )
        others = tuple(
            command for command in outcome.commands if not isinstance(command, PlaceOrder | TransferFunds)
        )
        return Decided(others, orders, outcome)

    def tell(self, event: Event, decided: Decided) -> None:
        """Tell the observers of *event* and what was *decided* on it: who logs and measures holds up no order."""
        for observe in self._observers:
            observe(event, decided.outcome)

    def refusal(self, order: PlaceOrder) -> OrderDropped | None:
        """Return `None` where *order* may leave in this very step, else the event that says why it may not."""
        now_ns = max(self._now_ns(), self._handled_ns)  # A clock that was set back makes no intent younger.
        if self.agent.permits(order.approved, now_ns):
            return None
        reason = "the gate moved, or the intent grew too old, before it was durable"
        return OrderDropped(now_ns, order.request.client_order_id, reason)

    def commit(self) -> None:
        """Make everything handled so far durable, with a checkpoint where one is due; raise `StorageError`."""
        self.committing()()

    def committing(self) -> Callable[[], None]:
        """Return what does the work of `commit`: another thread may call it while more is handled here."""
        sequence = self.agent.sequence
        if sequence - self._checkpointed < self._checkpoint_events:
            return self._session.commit
        self._checkpointed = sequence
        return self._session.saving(sequence, self.agent.checkpoint())

    def securing(self) -> Callable[[], None]:
        """Return what makes everything handled so far durable at once; the next commit takes it over."""
        return self._session.securing()

    def _decide(self, event: Event) -> Outcome:
        self._handled_ns = max(self._handled_ns, event.time_ns)
        outcome = self.agent.handle(event)
        entry = JournalEntry(outcome.sequence, event, outcome.commands, outcome.decisions, outcome.link)
        self._session.append(entry, ledger_rows(outcome, self._instruments))
        return outcome


def recover(session: Session, compose: Compose) -> AgentOrchestrator:
    """Return the agent as its last commit left it. Nothing is performed.

    Raise `StorageError` when the journal does not lead where it says: another program or other settings wrote it.
    """
    remedy = "Start it with the program version and the settings that wrote it."
    latest = session.load_latest()
    sequence, checkpoint = latest or (0, None)
    try:
        agent = compose(checkpoint)
    except KeyError as missing:
        what = f"has a checkpoint at event {sequence} that this program cannot read: {missing} is missing."
        raise StorageError(session.header.session_id, what, remedy) from missing
    for entry in session.entries(sequence):
        outcome = agent.handle(entry.event)
        if entry.decisions and (outcome.decisions != entry.decisions or outcome.link != entry.link):
            what = f"decided otherwise at event {entry.sequence}: {entry.decisions} then, {outcome.decisions} now."
            raise StorageError(session.header.session_id, what, remedy)
    return agent
