"""Turn events, commands and checkpoints into bytes and back, exactly; decide nothing about where they go.

JSON is the carrier, because people must be able to read a session years later. What JSON cannot hold is
written as an object with one key that starts with `$`: `{"$decimal": "0.10"}`, `{"$Side": "buy"}`,
`{"$Fill": {...}}`. Decimals are plain text and never pass through a float.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final

import attrs
import cattrs.errors
import orjson

from meva_core import commands, events
from meva_core.commands import Command
from meva_core.errors import StorageError
from meva_core.events import Event
from meva_core.model import fill, instrument, market, order, state
from meva_core.model.fill import Fill
from meva_core.model.money import plain
from meva_core.model.state import FILLS_KEPT

REMEDY: Final = "Use the program version that wrote it, or restore the file from a backup."

_PLAIN_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_INT64_MAX: Final = 2**63 - 1
# What orjson, cattrs and our own hooks raise on bytes that they did not write; a missing field is a KeyError.
_UNREADABLE: Final = (
    TypeError,
    ValueError,
    KeyError,
    AttributeError,
    RecursionError,
    cattrs.errors.ForbiddenExtraKeysError,
)


def encode(value: Any) -> bytes:
    """Return the bytes of *value*: any nesting of plain values, events, commands and classes of the state.

    Raises `StorageError` on anything else, so that nothing is stored which cannot be read back.
    """
    return dumped(lambda: packed(value))


def dumped(lay_out: Callable[[], Any]) -> bytes:
    """Return the bytes of what *lay_out* returns, which holds plain values and what `packed` returned.

    Raises `StorageError` like `encode`, whether *lay_out* fails or what it returned.
    """
    try:
        return orjson.dumps(lay_out())
    except (TypeError, ValueError, RecursionError) as problem:
        remedy = "Store plain values."
        raise StorageError("value to store", f"cannot be written: {problem}.", remedy) from problem


def decode(data: bytes, *, source: str) -> Any:
    """Return what `encode` was given; raise `StorageError` naming *source* on any other bytes."""
    try:
        return _unpack(orjson.loads(data))
    except _UNREADABLE as problem:
        raise StorageError(source, f"cannot be read: {problem!r}.", REMEDY) from problem


def prepare_decoding() -> None:
    """Make now what the first decoding of each class would make: a running agent has no time for it later."""
    for cls in _CLASSES.values():
        if attrs.has(cls):
            _CONVERTER.get_structure_hook(cls)


def encode_event(event: Event) -> bytes:
    """Return the bytes of *event*."""
    return encode(event)


def decode_event(data: bytes, *, source: str) -> Event:
    """Return the event that *data* holds; raise `StorageError` when it holds none."""
    event = decode(data, source=source)
    if not isinstance(event, Event):
        raise StorageError(source, f"holds a {type(event).__name__}, not an event.", REMEDY)
    return event


def encode_commands(commands: Sequence[Command]) -> bytes:
    """Return the bytes of *commands*, in order."""
    return encode(list(commands))


def decode_commands(data: bytes, *, source: str) -> tuple[Command, ...]:
    """Return the commands that *data* holds; raise `StorageError` when it holds anything else."""
    commands = decode(data, source=source)
    if not (isinstance(commands, list) and all(isinstance(command, Command) for command in commands)):
        raise StorageError(source, "does not hold a list of commands.", REMEDY)
    return tuple(commands)


def encode_texts(texts: Sequence[str]) -> bytes:
    """Return the bytes of *texts*, in order."""
    return encode(list(texts))


def decode_texts(data: bytes, *, source: str) -> tuple[str, ...]:
    """Return the texts that *data* holds; raise `StorageError` when it holds anything else."""
    texts = decode(data, source=source)
    if not (isinstance(texts, list) and all(type(text) is str for text in texts)):
        raise StorageError(source, "does not hold a list of texts.", REMEDY)
    return tuple(texts)


def decode_decimal(text: object) -> Decimal:
    """Return the Decimal of a plain notation such as `-0.10`; raise `ValueError` on any other spelling."""
    if type(text) is not str or not _PLAIN_DECIMAL.fullmatch(text):
        message = f"expected a decimal in plain notation, got {text!r}"
        raise ValueError(message)
    return Decimal(text)


def encode_decimal(value: object) -> str:
    """Return *value* in plain notation; raise `ValueError` on a float, and on infinity and NaN."""
    if not isinstance(value, Decimal) or not value.is_finite():
        message = f"expected a finite Decimal, got {value!r}"
        raise ValueError(message)
    return plain(value)


def _strict(cls: type) -> Callable[[Any, Any], Any]:
    """Return a hook that takes *cls* itself and no relative of it, and still checks enums.

    cattrs looks a hook up by subclass, so the one for `str` is asked about every `StrEnum` too.
    """

    def structure(value: Any, target: Any) -> Any:
        if cls is int and type(value) is dict:
            value = _unpack(value)
        if type(value) is not cls:
            message = f"expected {cls.__name__}, got {type(value).__name__} {value!r}"
            raise TypeError(message)
        if isinstance(target, type) and target is not cls and issubclass(target, Enum):
            return target(value)
        return value

    return structure


def _structure_fills(value: Any) -> deque[Fill]:
    # cattrs would lose the bound, and the history would then grow for ever.
    return deque((_CONVERTER.structure(item, Fill) for item in value), maxlen=FILLS_KEPT)


def _unstructure_fills(value: deque[Fill]) -> list[Any]:
    return [_CONVERTER.unstructure(item) for item in value]


def _register(
    converter: cattrs.Converter,
    annotation: Any,
    *,
    structure: Callable[[Any], Any],
    unstructure: Callable[[Any], Any],
) -> None:
    """Use the two functions wherever a field is annotated exactly so."""
    converter.register_structure_hook_func(
        lambda target: target == annotation, lambda value, _: structure(value)
    )
    converter.register_unstructure_hook_func(lambda target: target == annotation, unstructure)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False, forbid_extra_keys=True)
    for cls in (str, int, bool):
        converter.register_structure_hook(cls, _strict(cls))
    converter.register_unstructure_hook_func(lambda target: target is int, _pack_int)
    converter.register_structure_hook(Decimal, lambda value, _: decode_decimal(value))
    converter.register_unstructure_hook(Decimal, encode_decimal)
    _register(converter, deque[Fill], structure=_structure_fills, unstructure=_unstructure_fills)
    # An alert's context is free-form: its Decimals would otherwise come back as text.
    _register(converter, dict[str, Any], structure=_unpack, unstructure=_pack_mapping)
    return converter


def _named_classes() -> dict[str, type]:
    classes = [
        member
        for module in (events, commands, fill, instrument, market, order, state)
        for member in vars(module).values()
        if isinstance(member, type)
        and member.__module__ == module.__name__
        and (attrs.has(member) or issubclass(member, Enum))
    ]
    names = {f"${cls.__name__}": cls for cls in classes}
    assert len(names) == len(classes), "two classes share a name"
    return names


def packed(value: Any) -> Any:
    """Return *value* as what JSON can hold, tagged where JSON has no word for it."""
    pack = _PACKERS.get(type(value))
    if pack is not None:
        return pack(value)
    tag = _TAGS.get(type(value))
    if tag is None:
        message = f"no code for {type(value).__name__} {value!r}"
        raise TypeError(message)
    return {tag: value.value if isinstance(value, Enum) else _CONVERTER.unstructure(value)}


def _same(value: Any) -> Any:
    return value


def _pack_int(value: int) -> Any:
    return value if -_INT64_MAX <= value <= _INT64_MAX else {"$int": str(value)}


def _pack_float(value: float) -> Any:
    return value if isfinite(value) else {"$float": str(value)}


def _pack_mapping(value: dict[Any, Any]) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: packed(item) for key, item in value.items()}
    return {"$dict": [[packed(key), packed(item)] for key, item in value.items()]}


def _pack_list(value: Sequence[Any]) -> list[Any]:
    return [packed(item) for item in value]


_PACKERS: Final[dict[type, Callable[[Any], Any]]] = {
    type(None): _same,
    bool: _same,
    str: _same,
    int: _pack_int,
    float: _pack_float,
    Decimal: lambda value: {"$decimal": encode_decimal(value)},
    bytes: lambda value: {"$bytes": b64encode(value).decode()},
    tuple: lambda value: {"$tuple": _pack_list(value)},
    list: _pack_list,
    dict: _pack_mapping,
}
# What each tag's content is in JSON, and how the value is made of it.
_UNPACKERS: Final[dict[str, tuple[type, Callable[[Any], Any]]]] = {
    "$int": (str, int),
    "$float": (str, float),
    "$decimal": (str, decode_decimal),
    "$bytes": (str, lambda text: b64decode(text, validate=True)),
    "$tuple": (list, lambda items: tuple(_unpack(item) for item in items)),
    "$dict": (list, lambda pairs: {_unpack(key): _unpack(item) for key, item in pairs}),
}


def _unpack(value: Any) -> Any:
    """Return what `packed` was given."""
    if isinstance(value, list):
        return [_unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(tag, content)] = value.items()
        if tag.startswith("$"):
            return _untag(tag, content)
    if any(key.startswith("$") for key in value):
        message = f"a tag has company: {', '.join(value)}"
        raise ValueError(message)
    return {key: _unpack(item) for key, item in value.items()}


def _untag(tag: str, content: Any) -> Any:
    if tag in _UNPACKERS:
        expected, unpacked = _UNPACKERS[tag]
        if type(content) is not expected:
            message = f"{tag} holds a {type(content).__name__}"
            raise TypeError(message)
        return unpacked(content)
    cls = _CLASSES.get(tag)
    if cls is None:
        message = f"unknown tag {tag!r}"
        raise ValueError(message)
    return cls(content) if issubclass(cls, Enum) else _CONVERTER.structure(content, cls)


_CONVERTER: Final = _converter()
_CLASSES: Final = _named_classes()
_TAGS: Final = {cls: tag for tag, cls in _CLASSES.items()}
