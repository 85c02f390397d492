"""Collect what one event leads to, until the driver takes it; perform and store nothing."""

from __future__ import annotations

from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.commands import Command
from meva_core.model.value import value
from meva_core.ops.log_records import Record
from meva_core.portfolio.ledger_service import LedgerEntry


@value
class Outcome:
    """Hold everything that followed from one event.

    *decisions* are canonical texts in order: every signal, risk verdict, intent and command. *link* is the
    decision hash after them; it is the one before when there are none.
    """

    sequence: int
    commands: tuple[Command, ...]
    records: tuple[Record, ...]
    decisions: tuple[str, ...]
    postings: tuple[LedgerEntry, ...]
    link: bytes


class Outbox:
    """Gather commands, records, decisions and postings. *filled* says whether there is anything to take."""

    __slots__ = ("commands", "decisions", "filled", "link", "postings", "records")

    def __init__(self) -> None:
        self.filled = False
        self.link = FIRST_LINK
        self.commands: list[Command] = []
        self.records: list[Record] = []
        self.decisions: list[str] = []
        self.postings: list[LedgerEntry] = []

    def command(self, command: Command, text: str) -> None:
        """Add a wish; *text* is its line in the decision chain."""
        self.filled = True
        self.commands.append(command)
        self.decisions.append(text)

    def record(self, record: Record) -> None:
        """Add what is to be said."""
        self.filled = True
        self.records.append(record)

    def decide(self, text: str) -> None:
        """Add a decision that no command carries."""
        self.filled = True
        self.decisions.append(text)

    def post(self, entry: LedgerEntry) -> None:
        """Add a ledger entry."""
        self.filled = True
        self.postings.append(entry)

    def take(self, sequence: int) -> Outcome:
        """Return what has gathered since the last call, and link its decisions."""
        decisions = tuple(self.decisions)
        if decisions:
            self.link = next_link(self.link, f"{sequence}\n" + "\n".join(decisions))
            self.decisions.clear()
        outcome = Outcome(
            sequence, tuple(self.commands), tuple(self.records), decisions, tuple(self.postings), self.link
        )
        self.commands.clear()
        self.records.clear()
        self.postings.clear()
        self.filled = False
        return outcome
