"""Hold configuration as it was written, each value with its place; merge it, and judge nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import frozen

from meva_adapters.settings.scalars import Scalar

# Keys below this are asset names: they keep their capitals where variables write everything in capitals.
ASSET_KEYS: Final = ("exchange.balances",)


@frozen
class Node:
    """Hold a scalar, a mapping or a list, and the *place* where it was written."""

    value: Scalar | dict[str, Node] | list[Node]
    place: str

    def plain(self) -> Any:
        """Return the values alone, as new dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def places(self, path: str = "") -> Iterator[tuple[str, str]]:
        """Yield the key path and the place of this node and of everything below it."""
        yield path, self.place
        for key, node in self.children():
            yield from node.places(joined(path, key))

    def children(self) -> Iterator[tuple[str | int, Node]]:
        """Yield the nodes directly below, with their keys or positions."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from enumerate(self.value)


@frozen
class NoPlaceError(Exception):
    """Report a key path that cannot be followed; *path* is as far as it went."""

    path: str
    found: str
    expected: str


def joined(path: str, key: str | int) -> str:
    """Return the key path of *key* below *path*, as `--set` takes it."""
    return f"{path}.{key}" if path else str(key)


def merged(below: Node, above: Node) -> Node:
    """Return *below* overridden by *above*: mappings merge key by key, everything else is replaced whole."""
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    values = dict(below.value)
    for key, node in above.value.items():
        values[key] = merged(values[key], node) if key in values else node
    return Node(values, above.place)


def assigned(
    node: Node | None, keys: Sequence[str], value: Node, *, path: str = "", loud: bool = False
) -> Node:
    """Return *node* with *value* merged in at *keys*; raise `NoPlaceError` where there is no such place.

    *loud* keys come from variables, which write every name in capitals. One more than the last position of a
    list appends to it.
    """
    if not keys:
        return value if node is None else merged(node, value)
    content = None if node is None else node.value
    if content is None:
        content = [] if keys[0] == "0" else {}
    if isinstance(content, list):
        position = _position(content, keys[0], path)
        present = content[position] if position < len(content) else None
        item = assigned(present, keys[1:], value, path=joined(path, position), loud=loud)
        return Node([*content[:position], item, *content[position + 1 :]], value.place)
    if not isinstance(content, dict):
        raise NoPlaceError(
            path, found="a single value", expected="a mapping or a list, to set something in it"
        )
    key = _spelling(content, keys[0], path) if loud else keys[0]
    below = assigned(content.get(key), keys[1:], value, path=joined(path, key), loud=loud)
    return Node({**content, key: below}, value.place if node is None else node.place)


def _position(items: list[Node], key: str, path: str) -> int:
    digits = key if key.isascii() and key.isdigit() else ""
    if not digits or len(digits) > len(str(len(items))) or int(digits) > len(items):
        raise NoPlaceError(path, found=repr(key), expected=f"a position in a list, 0 to {len(items)}")
    return int(digits)


def _spelling(known: dict[str, Node], loud: str, path: str) -> str:
    """Return the key that *loud*, written in capitals, stands for."""
    for key in known:
        if key.casefold() == loud.casefold():
            return key
    return loud if path in ASSET_KEYS else loud.lower()
