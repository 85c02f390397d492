"""Collect what one event leads to, until the driver takes it; perform and store nothing."""

from __future__ import annotations

from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.commands import Command, RaiseAlert
from meva_core.model.value import value
from meva_core.ops.log_records import AlertRaised, Record


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
    link: bytes


class Outbox:
    """Gather commands, records and decisions. *filled* says whether there is anything to take."""

    __slots__ = ("_commands", "_decisions", "_records", "filled", "link")

    def __init__(self) -> None:
        self.filled = False
        self.link = FIRST_LINK
        self._commands: list[Command] = []
        self._records: list[Record] = []
        self._decisions: list[str] = []

    def order(self, command: Command, records: tuple[Record, ...], decisions: tuple[str, ...]) -> None:
        """Add a wish with all that led to it; its own line in the decision chain is the last of *decisions*."""
        self.filled = True
        self._commands.append(command)
        self._records += records
        self._decisions += decisions

    def say(self, records: tuple[Record, ...], decisions: tuple[str, ...]) -> None:
        """Add what was decided without a wish, and what is to be said of it."""
        self.filled = True
        self._records += records
        self._decisions += decisions

    def command(self, command: Command, text: str) -> None:
        """Add a wish; *text* is its line in the decision chain."""
        self.filled = True
        self._commands.append(command)
        self._decisions.append(text)

    def alert(self, alert: RaiseAlert | None, time_ns: int) -> bool:
        """Add a call for a person, and say so; nothing when the alerts held it back. Return whether it was added."""
        if alert is None:
            return False
        self.command(alert, f"alert {alert.code} {alert.subject}".rstrip())
        self.record(AlertRaised(time_ns, alert))
        return True

    def record(self, record: Record) -> None:
        """Add what is to be said."""
        self.filled = True
        self._records.append(record)

    def decide(self, text: str) -> None:
        """Add a decision that no command carries."""
        self.filled = True
        self._decisions.append(text)

    def take(self, sequence: int) -> Outcome:
        """Return what has gathered since the last call, and link its decisions."""
        records, decisions = tuple(self._records), tuple(self._decisions)
        self._records = []
        self.filled = False
        if not decisions:
            return Outcome(sequence, (), records, (), self.link)
        commands = tuple(self._commands)
        self._commands, self._decisions = [], []
        lines = "\n".join(decisions)
        self.link = link = next_link(self.link, f"{sequence}\n{lines}")
        return Outcome(sequence, commands, records, decisions, link)
