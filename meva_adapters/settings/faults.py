"""Explain why values do not fit their types, each with its key path; convert none itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import attrs
from cattrs.errors import (
    AttributeValidationNote,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)

from meva_adapters.settings.converter import MismatchError, described
from meva_adapters.settings.tree import joined
from meva_core.config.codes import Code, Problem, did_you_mean
from meva_core.errors import ConfigError

SECRET_NAME: Final = re.compile(
    r"key|secret|token|pass|credential|private|alert_channels|heartbeat_url", re.IGNORECASE
)


@attrs.frozen
class Fault:
    """Hold a *problem*, the *keys* that lead to its value, and the *kind* of value that belongs there."""

    keys: tuple[str | int, ...]
    problem: Problem
    kind: Any = None


def faults(
    exc: BaseException, keys: tuple[str | int, ...] = (), kind: Any = None, root: str = ""
) -> list[Fault]:
    """Return every fault in what the converter raised; *root* is the key path of the whole value."""
    return list(_faults(exc, keys, kind, root))


def not_configurable(path: str, name: str) -> Problem:
    """Return the problem of a strategy class that has no fields to configure."""
    return Problem(
        Code.REFUSED_BY_STRATEGY,
        path,
        found=f"{name}, which is no attrs class",
        expected="a strategy whose parameters are attrs fields",
        remedy="Decorate the class with attrs.frozen.",
    )


def _faults(exc: BaseException, keys: tuple[str | int, ...], kind: Any, root: str) -> Iterator[Fault]:
    path = _path(root, keys)
    match exc:
        case ClassValidationError() | IterableValidationError():
            placed, others = exc.group_exceptions()
            for inner, note in placed:
                key = note.name if isinstance(note, AttributeValidationNote) else note.index
                yield from _faults(inner, (*keys, key), note.type, root)
            for inner in others:
                yield from _faults(inner, keys, kind, root)
        case ForbiddenExtraKeysError():
            for key in sorted(exc.extra_fields):
                yield Fault((*keys, key), _unknown_key(joined(path, key), key, exc.cl))
        case KeyError():
            yield Fault(keys, _missing(path), kind)
        case MismatchError():
            yield Fault(keys, _mismatch(path, exc), kind)
        case ConfigError():
            for sentence in exc.problems:
                yield Fault(keys, _refused(path, sentence), kind)
        case _:
            yield Fault(keys, _refused(path, _sentence(exc)), kind)


def _path(root: str, keys: tuple[str | int, ...]) -> str:
    path = root
    for key in keys:
        path = joined(path, key)
    return path


def _unknown_key(path: str, key: str, owner: type) -> Problem:
    known = [attribute.name for attribute in attrs.fields(attrs.resolve_types(owner)) if attribute.init]
    return Problem(
        Code.UNKNOWN_KEY,
        path,
        found="an unknown key",
        expected=f"one of {', '.join(known)}" if known else "no keys at all",
        remedy=did_you_mean(key, known, "Remove it; it has no effect."),
    )


def _missing(path: str) -> Problem:
    return Problem(
        Code.MISSING, path, found="nothing", expected="a value", remedy="Add it: there is no safe default."
    )


def _mismatch(path: str, exc: MismatchError) -> Problem:
    found, remedy = described(exc.value), exc.remedy
    if SECRET_NAME.search(path):
        found, remedy = "a value of another kind (not shown)", "Write what is expected."
    code = Code.NOT_A_CHOICE if exc.choice else Code.WRONG_TYPE
    return Problem(code, path, found=found, expected=exc.expected, remedy=remedy)


def _refused(path: str, sentence: str) -> Problem:
    shown = "values that it refuses" if SECRET_NAME.search(path) else f"what it refuses ({sentence})"
    return Problem(
        Code.REFUSED_BY_STRATEGY,
        path,
        found=shown,
        expected="parameters that the strategy accepts",
        remedy="Mend the parameters; the strategy's docstring says what each of them means.",
    )


def _sentence(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__
