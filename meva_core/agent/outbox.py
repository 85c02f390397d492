"""Collect what one event leads to, until the driver takes it; perform and store nothing."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.commands import Command, RaiseAlert
from meva_core.ops.log_records import AlertRaised, Fact, Fields, Record, records_of


@define
class Outcome:
    """Hold everything that followed from one event. Nobody changes it.

    *facts* are what is to be said; `records` says it in objects, made when somebody asks for them.
    *decisions* are canonical texts in order: every signal, risk verdict, intent and command. *link* is the
    decision hash after them; it is the one before when there are none.
    """

    sequence: int
    commands: tuple[Command, ...]
    facts: tuple[Fact, ...]
    decisions: tuple[str, ...]
    link: bytes
    _records: tuple[Record, ...] | None = field(default=None, init=False, eq=False, repr=False)

    @property
    def records(self) -> tuple[Record, ...]:
        """Return what is to be said, in order; every caller is given the same objects."""
        records = self._records
        if records is None:
            records = self._records = records_of(self.facts)
        return records


class Outbox:
    """Gather commands, facts and decisions. *filled* says whether there is anything to take."""

    __slots__ = ("_commands", "_decisions", "_facts", "filled", "link")

    def __init__(self) -> None:
        self.filled = False
        self.link = FIRST_LINK
        self._commands: list[Command] = []
        self._facts: list[Fact] = []
        self._decisions: list[str] = []

    def order(
        self,
        command: Command,
        decisions: tuple[str, ...],
        kind: Callable[[*Fields], tuple[Record, ...]],
        *fields: *Fields,
    ) -> None:
        """Add a wish, and all that led to it as one fact; the last of *decisions* is its own line in the chain."""
        self.filled = True
        self._commands.append(command)
        self._decisions += decisions
        self._facts.append((kind, fields))

    def say(self, facts: tuple[Fact, ...], decisions: tuple[str, ...]) -> None:
        """Add what was decided without a wish, and what is to be said of it."""
        self.filled = True
        self._facts += facts
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
        self.record(AlertRaised, time_ns, alert)
        return True

    def record(self, kind: Callable[[*Fields], Record], *fields: *Fields) -> None:
        """Add what is to be said: a record of this *kind* with these *fields*, none of which may change later."""
        self.filled = True
        self._facts.append((kind, fields))

    def decide(self, text: str) -> None:
        """Add a decision that no command carries."""
        self.filled = True
        self._decisions.append(text)

    def take(self, sequence: int) -> Outcome:
        """Return what has gathered since the last call, and link its decisions."""
        facts, decisions = tuple(self._facts), tuple(self._decisions)
        self._facts = []
        self.filled = False
        if not decisions:
            return Outcome(sequence, (), facts, (), self.link)
        commands = tuple(self._commands)
        self._commands, self._decisions = [], []
        lines = "\n".join(decisions)
        self.link = link = next_link(self.link, f"{sequence}\n{lines}")
        return Outcome(sequence, commands, facts, decisions, link)
