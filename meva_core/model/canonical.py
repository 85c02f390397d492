"""Encode values into one canonical text, so that equal values have equal hashes in every process and version."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from typing import Any

import attrs

from meva_core.errors import InvariantError
from meva_core.model.money import EXACT


def canonical(value: Any) -> str:
    """Return the text of *value*: attrs classes by name and fields in order, mappings by sorted key.

    Decimals are normalised, so `1.0` and `1.00` are the same money. A float is its shortest exact form.
    """
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def digest(value: Any) -> str:
    """Return the BLAKE2b-128 of the canonical text, in hex."""
    return blake2b(canonical(value).encode(), digest_size=16).hexdigest()


def _write(value: Any, parts: list[str]) -> None:
    if value is None or isinstance(value, bool):
        parts.append(str(value))
    elif isinstance(value, Enum):
        _write(value.value, parts)
    elif isinstance(value, str):
        parts.append(f"{len(value)}:{value}")
    elif isinstance(value, int | float):
        parts.append(repr(value))
    elif isinstance(value, Decimal):
        parts.append(f"d{EXACT.normalize(value):f}")
    elif isinstance(value, bytes):
        parts.append(f"x{value.hex()}")
    elif isinstance(value, Mapping):
        _write_pairs(sorted(value.items()), parts)
    elif isinstance(value, list | tuple | deque):
        _write_sequence(value, parts)
    elif attrs.has(type(value)):
        parts.append(type(value).__name__)
        _write_pairs([(name, getattr(value, name)) for name in _field_names(type(value))], parts)
    else:
        raise InvariantError("only plain values have a canonical text", f"{type(value).__name__} {value!r}")


def _write_pairs(pairs: list[tuple[Any, Any]], parts: list[str]) -> None:
    parts.append("{")
    for key, item in pairs:
        _write(key, parts)
        parts.append("=")
        _write(item, parts)
        parts.append(",")
    parts.append("}")


def _write_sequence(items: list[Any] | tuple[Any, ...] | deque[Any], parts: list[str]) -> None:
    parts.append("[")
    for item in items:
        _write(item, parts)
        parts.append(",")
    parts.append("]")


def _field_names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls))
