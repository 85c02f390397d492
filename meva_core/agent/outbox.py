"""Collect what one event leads to, until the driver takes it; perform and store nothing."""

from __future__ import annotations

from attrs import Factory, define

from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.commands import Command
from meva_core.ops.log_records import Record


@define
class Outcome:
    """Hold everything that followed from one event; nobody changes it after it was taken.

    *decisions* are canonical texts in order: every signal, risk verdict, intent and command. *link* is the
    decision hash after them; it is the one before when there are none.
    """

    sequence: int = 0
    commands: list[Command] = Factory(list)
    records: list[Record] = Factory(list)
    decisions: list[str] = Factory(list)
    link: bytes = FIRST_LINK


class Outbox:
    """Gather commands, records and decisions. *filled* says whether there is anything to take."""

    __slots__ = ("_open", "filled", "link")

    def __init__(self) -> None:
        self.filled = False
        self.link = FIRST_LINK
        self._open = Outcome()

    def command(self, command: Command, text: str) -> None:
        """Add a wish; *text* is its line in the decision chain."""
        self.filled = True
        self._open.commands.append(command)
        self._open.decisions.append(text)

    def record(self, record: Record) -> None:
        """Add what is to be said."""
        self.filled = True
        self._open.records.append(record)

    def decide(self, text: str) -> None:
        """Add a decision that no command carries."""
        self.filled = True
        self._open.decisions.append(text)

    def take(self, sequence: int) -> Outcome:
        """Return what has gathered since the last call, and link its decisions."""
        outcome, self._open = self._open, Outcome()
        self.filled = False
        if outcome.decisions:
            self.link = next_link(self.link, f"{sequence}\n" + "\n".join(outcome.decisions))
        outcome.sequence = sequence
        outcome.link = self.link
        return outcome
