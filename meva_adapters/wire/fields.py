"""Read fields out of JSON strictly: what does not have the promised form raises `CodecError`; know no venue."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

import orjson
from attrs import frozen

from meva_adapters.wire.grid import INT64_MAX
from meva_core.errors import MevaError
from meva_core.model.market import NS_PER_MS

_AMOUNT: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


@frozen
class CodecError(MevaError):
    """Report an answer that is not what its kind promises."""

    problem: str

    def __str__(self) -> str:
        return f"malformed: {self.problem}"


def read_json(body: bytes | str) -> Any:
    """Return the JSON in *body*."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise CodecError(f"no JSON ({len(body)} bytes)") from exc


def read_exact_json(body: bytes | str) -> Any:
    """Return the JSON in *body* with every number that has a point or an exponent as the text that it came in."""
    try:
        written = body if isinstance(body, str) else body.decode()
        if "\\u" in written:
            read_json(written)  # It refuses half of a surrogate pair, which no journal can hold.
        return json.loads(written, parse_float=str, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise CodecError(f"no JSON ({len(body)} bytes)") from exc


def row_of(data: Any) -> dict[str, Any]:
    """Return *data*, which must be an object."""
    if not isinstance(data, dict):
        raise CodecError(f"an object was promised, {type(data).__name__} came")
    return data


def rows_of(data: Any) -> Sequence[dict[str, Any]]:
    """Return *data*, which must be a list of objects."""
    if not isinstance(data, list):
        raise CodecError(f"a list was promised, {type(data).__name__} came")
    return [row_of(row) for row in data]


def text(row: Mapping[str, Any], name: str) -> str:
    """Return a text that is not empty."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise CodecError(f"{name} is no text")
    return value


def whole(row: Mapping[str, Any], name: str) -> int:
    """Return an integer that is not negative and fits 64 bits."""
    value = row.get(name)
    if type(value) is not int or not 0 <= value <= INT64_MAX:
        raise CodecError(f"{name} is no whole number")
    return value


def ms_as_ns(row: Mapping[str, Any], name: str) -> int:
    """Return a time that is written in milliseconds, in nanoseconds that fit 64 bits."""
    value = whole(row, name) * NS_PER_MS
    if value > INT64_MAX:
        raise CodecError(f"{name} is no time that can be")
    return value


def flag(row: Mapping[str, Any], name: str) -> bool:
    """Return a truth value."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise CodecError(f"{name} is neither true nor false")
    return value


def amount(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a plainly written amount."""
    value = row.get(name)
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise CodecError(f"{name} is no amount")
    return Decimal(value)


def positive(row: Mapping[str, Any], name: str) -> Decimal:
    """Return an amount above zero."""
    value = amount(row, name)
    if value <= 0:
        raise CodecError(f"{name} is not positive")
    return value


def digits(row: Mapping[str, Any], name: str) -> str:
    """Return a number as it was written, whether as text or bare; see `read_exact_json`."""
    value = row.get(name)
    if type(value) is int:
        return str(value)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise CodecError(f"{name} is no number")
    return value


def number(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a number, exactly as it was written."""
    return Decimal(digits(row, name))


def above_zero(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a number above zero, exactly as it was written."""
    value = number(row, name)
    if value <= 0:
        raise CodecError(f"{name} is not positive")
    return value


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)
