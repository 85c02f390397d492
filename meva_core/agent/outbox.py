"""Collect what one event leads to, until the driver takes it; perform and store nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from attrs import define, field

from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.agent.decision_texts import placed_texts
from meva_core.commands import Command, PlaceOrder, RaiseAlert
from meva_core.ops.log_records import (
    MADE_OF,
    AlertRaised,
    Fact,
    Fields,
    Kind,
    Record,
    order_placed,
    records_of,
)
from meva_core.signals.strategy import Signal

# Takes the fields of one kind of fact, in their order, as one tuple: it is handed on as it came.
Taker = Callable[[Any], None]


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
    """Gather commands, facts and decisions. *filled* says whether there is anything to take.

    Everything is kept in tuples: an event leads to few things, and what is taken need not be copied.
    """

    __slots__ = ("_commands", "_decisions", "_facts", "_ways", "filled", "link")

    def __init__(self) -> None:
        self.filled = False
        self.link = FIRST_LINK
        self._commands: tuple[Command, ...] = ()
        self._facts: tuple[Fact, ...] = ()
        self._decisions: tuple[str, ...] = ()
        self._ways: Mapping[Kind, tuple[Taker | None, bool]] = {}
        self.tell({})

    def tell(self, takers: Mapping[Kind, Taker], *, read: Collection[type[Record]] | None = None) -> None:
        """Tell *takers* each fact of their kind at once, and put only facts of the kinds *read* into outcomes.

        `None` stands for every kind. Takers are called inside `exact()` where fills are booked.
        """
        self._ways = {
            kind: (takers.get(kind), read is None or not made.isdisjoint(read))
            for kind, made in MADE_OF.items()
        }

    def order(self, signal: Signal, command: PlaceOrder) -> None:
        """Add the order that was made of a valid signal, and all that led to it."""
        self.filled = True
        fields = (signal, command)
        self._commands += (command,)
        self._decisions += placed_texts(signal, command)
        taker, is_read = self._ways[order_placed]
        if taker is not None:
            taker(fields)
        if is_read:
            self._facts += ((order_placed, fields),)

    def say(self, facts: tuple[Fact, ...], decisions: tuple[str, ...]) -> None:
        """Add what was decided without a wish, and what is to be said of it."""
        self.filled = True
        self._decisions += decisions
        for kind, fields in facts:
            self.record(kind, *fields)

    def command(self, command: Command, text: str) -> None:
        """Add a wish; *text* is its line in the decision chain."""
        self.filled = True
        self._commands += (command,)
        self._decisions += (text,)

    def alert(self, alert: RaiseAlert | None, time_ns: int) -> bool:
        """Add a call for a person, and say so; nothing when the alerts held it back. Return whether it was added."""
        if alert is None:
            return False
        self.command(alert, f"alert {alert.code} {alert.subject}".rstrip())
        self.record(AlertRaised, time_ns, alert)
        return True

    def record(self, kind: Callable[[*Fields], Record | tuple[Record, ...]], *fields: *Fields) -> None:
        """Add what is to be said: a record of this *kind* with these *fields*, none of which may change later."""
        taker, is_read = self._ways[kind]
        if taker is not None:
            taker(fields)
        if is_read:
            self.filled = True
            self._facts += ((kind, fields),)

    def decide(self, text: str) -> None:
        """Add a decision that no command carries."""
        self.filled = True
        self._decisions += (text,)

    def take(self, sequence: int) -> Outcome:
        """Return what has gathered since the last call, and link its decisions."""
        facts, decisions = self._facts, self._decisions
        self._facts = ()
        self.filled = False
        if not decisions:
            return Outcome(sequence, (), facts, (), self.link)
        commands = self._commands
        self._commands = self._decisions = ()
        lines = "\n".join(decisions)
        self.link = link = next_link(self.link, f"{sequence}\n{lines}")
        return Outcome(sequence, commands, facts, decisions, link)
