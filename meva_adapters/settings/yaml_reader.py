"""Read the plain part of YAML, with line and column of every value; refuse what would surprise.

Not plain are anchors, aliases, tags, a second document and deep nesting. Scalars follow YAML 1.2, numbers are
exact, a key that stands twice is a fault. Reads text, never a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import yaml
from attrs import define, field, frozen

from meva_adapters.settings.scalars import is_text, scalar
from meva_adapters.settings.tree import Node, joined
from meva_core.config.codes import Code, Problem

# The schema is six deep; this bounds recursion.
DEPTH_MAX: Final = 20

# Takes line and column, both counted from zero, and returns the place that people are told.
Placing = Callable[[int, int], str]


@frozen
class NotPlainError(Exception):
    """Report YAML that is valid, and that configuration does not use."""

    found: str
    place: str


@define
class Reading:
    """Hold what was read: the *root*, `None` when the text is no plain YAML, and all *problems*."""

    root: Node | None = None
    problems: list[Problem] = field(factory=list)


def read_yaml(text: str, placing: Placing) -> Reading:
    """Read *text*, saying places in the words of *placing*."""
    reading = Reading()
    try:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        reading.root = _Builder(events, placing, reading.problems).document()
    except NotPlainError as exc:
        reading.problems.append(_unreadable(exc.place, exc.found))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = placing(mark.line, mark.column) if mark else placing(0, 0)
        # The parser's words name characters and kinds of token, never a value: no secret leaks through them.
        reading.problems.append(_unreadable(place, str(exc.problem or exc.context)))
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, int(exc.position))
        reading.problems.append(_unreadable(placing(line, 0), "a character that YAML does not allow"))
    return reading


def file_place(name: str) -> Placing:
    """Return the placing `name:line:column`, both counted from one."""
    return lambda line, column: f"{name}:{line + 1}:{column + 1}"


def _unreadable(place: str, found: str) -> Problem:
    return Problem(
        Code.UNREADABLE,
        "",
        found=found,
        expected="plain YAML: mappings, lists and values",
        remedy="Look at this line and the one before: indentation, a missing colon, quotes or bracket.",
        place=place,
    )


class _Builder:
    """Turn parser events into nodes, in one pass."""

    def __init__(self, events: Iterator[yaml.Event], placing: Placing, problems: list[Problem]) -> None:
        self._events = events
        self._placing = placing
        self._problems = problems

    def document(self) -> Node:
        """Return the one document; an empty text is an empty mapping."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise NotPlainError("a second document", self._place(event))
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, "", depth=0)
        return Node({}, self._placing(0, 0)) if root is None or root.value is None else root

    def _node(self, event: yaml.Event, path: str, *, depth: int) -> Node:
        place = self._place(event)
        if depth > DEPTH_MAX:
            raise NotPlainError(f"more than {DEPTH_MAX} levels", place)
        self._require_plain(event)
        match event:
            case yaml.MappingStartEvent():
                return Node(self._mapping(path, depth), place)
            case yaml.SequenceStartEvent():
                return Node(self._sequence(path, depth), place)
            case yaml.ScalarEvent(style=None):
                return Node(scalar(event.value), place)
            case yaml.ScalarEvent():
                return Node(event.value, place)
            case _:
                raise NotPlainError("an alias (*)", place)

    def _mapping(self, path: str, depth: int) -> dict[str, Node]:
        values: dict[str, Node] = {}
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            self._require_plain(key)
            if not isinstance(key, yaml.ScalarEvent) or not key.value.isprintable():
                raise NotPlainError("a key that is no word", self._place(key))
            below = joined(path, key.value)
            node = self._node(event := next(self._events), below, depth=depth + 1)
            if _line(event) != _line(key):  # What begins below its key is looked for at the key.
                node = Node(node.value, self._place(key))
            if key.value in values:
                self._problems.append(_duplicate(below, self._place(key), values[key.value]))
            values.setdefault(key.value, node)
        return values

    def _sequence(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, joined(path, len(items)), depth=depth + 1))
        return items

    def _require_plain(self, event: yaml.Event) -> None:
        if getattr(event, "anchor", None) is not None:
            raise NotPlainError("an anchor or alias (& or *)", self._place(event))
        if getattr(event, "tag", None) is not None:
            raise NotPlainError("a tag (!)", self._place(event))
        if isinstance(event, yaml.ScalarEvent) and not is_text(event.value):
            raise NotPlainError("half a character (a surrogate)", self._place(event))

    def _place(self, event: yaml.Event) -> str:
        mark = event.start_mark
        return self._placing(mark.line, mark.column) if mark else self._placing(0, 0)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line if event.start_mark else 0


def _duplicate(path: str, place: str, first: Node) -> Problem:
    return Problem(
        Code.DUPLICATE_KEY,
        path,
        found="the key a second time",
        expected=f"each key once; its first value is at {first.place}",
        remedy="Remove one of the two: YAML libraries would silently keep one of them.",
        place=place,
    )
