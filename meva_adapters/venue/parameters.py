"""Read the parameters of a call strictly, or raise the venue's own refusal; know no call."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

import orjson

from meva_adapters.venue.errors import ApiError, illegal, missing
from meva_core.model.money import decimals_of

Params = Mapping[str, str]

_DECIMAL: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_INTEGER: Final = re.compile(r"[0-9]{1,19}")
_CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9-_]{1,36}")
DECIMALS_MAX: Final = 8


def required(params: Params, name: str) -> str:
    """Return a parameter that must be there."""
    value = params.get(name, "")
    if not value:
        raise missing(name)
    return value


def integer(params: Params, name: str, default: int | None = None) -> int | None:
    """Return a whole number, or *default*."""
    value = params.get(name)
    if value is None:
        return default
    if not _INTEGER.fullmatch(value):
        raise illegal(name)
    return int(value)


def limit(params: Params, *, default: int, highest: int) -> int:
    """Return how many rows are wanted; more than *highest* are cut."""
    wanted = integer(params, "limit", default)
    if not wanted:
        raise illegal("limit")
    return min(wanted, highest)


def amount(params: Params, name: str) -> Decimal | None:
    """Return an exact number in plain notation, None where it was not sent."""
    value = params.get(name)
    if value is None:
        return None
    if not _DECIMAL.fullmatch(value):
        raise illegal(name)
    number = Decimal(value)
    if decimals_of(number) > DECIMALS_MAX:
        raise ApiError(-1111, f"Parameter '{name}' has too much precision.")
    return number


def client_id(params: Params, name: str) -> str | None:
    """Return a client's name for an order or a cancel."""
    value = params.get(name)
    if value is not None and not _CLIENT_ID.fullmatch(value):
        raise illegal(name)
    return value


def choice(params: Params, name: str, known: Collection[str], error: ApiError) -> str:
    """Return one of *known*, or raise *error*."""
    value = required(params, name)
    if value not in known:
        raise error
    return value


def names(params: Params, name: str) -> list[str] | None:
    """Return a JSON array of names, None where it was not sent."""
    value = params.get(name)
    if value is None:
        return None
    try:
        listed = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise illegal(name) from None
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise illegal(name)
    return listed
