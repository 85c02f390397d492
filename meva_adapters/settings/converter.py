"""Turn plain values into typed ones without converting anything silently; explain nothing.

cattrs alone reads "false" as true and cuts 1.9 to 1. Here each type takes its own kind, Decimal also whole
numbers and numeric text, and every refusal is a `MismatchError` that says what was expected.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, Final, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.cols import homogenous_tuple_structure_factory, is_mapping, list_structure_factory
from cattrs.errors import StructureHandlerNotFoundError
from cattrs.gen import make_dict_structure_fn, make_mapping_structure_fn

from meva_adapters.settings.scalars import DIGITS_MAX, exact_number, is_short
from meva_core.config.codes import did_you_mean

Hook = Callable[[Any, Any], Any]

_TRUE_WORDS: Final = ("true", "yes", "on", "y", "1")
_FALSE_WORDS: Final = ("false", "no", "off", "n", "0")
_EXPECTED: Final[dict[type, str]] = {str: "text", int: "a whole number", bool: "true or false"}


@attrs.frozen
class MismatchError(TypeError):
    """Report a value of the wrong kind; *choice* is set when its kind is right and its word is unknown."""

    value: object
    expected: str
    remedy: str
    choice: bool = False


@cache
def strict_converter() -> Converter:
    """Return the converter for attrs classes, strict to the last primitive; made once, it is costly."""
    converter = Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _primitive(kind))
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook_factory(_is_loose, _unsupported)
    _guard(converter, attrs.has, lambda kind: make_dict_structure_fn(kind, converter), dict)
    _guard(converter, is_mapping, lambda kind: make_mapping_structure_fn(kind, converter), dict)
    _guard(converter, _is_list, lambda kind: list_structure_factory(kind, converter), list)
    _guard(converter, _is_even_tuple, lambda kind: homogenous_tuple_structure_factory(kind, converter), list)
    return converter


def described(value: object) -> str:
    """Return *value* as people call it."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return str(value).lower()
        case str():
            return f"text {shortened(value)!r}"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return f"the number {value}"


def shortened(text: str) -> str:
    """Return *text*, cut after sixty characters."""
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - half a terminal line.


def _guard(
    converter: Converter, predicate: Callable[[Any], bool], factory: Callable[[Any], Hook], kind: type
) -> None:
    """Register *factory* for types of *predicate*, behind a check that the value is a *kind* at all."""

    def guarded(target: Any) -> Hook:
        inner = factory(target)

        def hook(value: Any, _target: Any) -> Any:
            if not isinstance(value, kind):
                raise _no_list(value) if kind is list else _no_mapping(value)
            return inner(value, target)

        return hook

    converter.register_structure_hook_factory(predicate)(guarded)


def _is_list(target: Any) -> bool:
    return target is list or get_origin(target) is list


def _is_even_tuple(target: Any) -> bool:
    return get_origin(target) is tuple and get_args(target)[-1:] == (Ellipsis,)


def _is_loose(target: Any) -> bool:
    """Return whether cattrs would fill *target* from any text: sets, and tuples that mix their types."""
    kind = get_origin(target) or target
    return kind in (set, frozenset, tuple) and not _is_even_tuple(target)


def _unsupported(target: Any) -> Hook:
    message = f"{target} cannot be configured: use tuple[X, ...], list[X] or dict[str, X]"
    raise StructureHandlerNotFoundError(message, target)


def _primitive(kind: type) -> Hook:
    # cattrs also asks this hook for enums that subclass str or int: those must still be looked up.
    def hook(value: Any, target: Any) -> Any:
        if type(value) is not kind:
            raise MismatchError(value, _EXPECTED[kind], _remedy(value, kind))
        if isinstance(target, type) and target is not kind and issubclass(target, Enum):
            return _member(value, target)
        return value

    return hook


def _member(value: Any, target: type[Enum]) -> Enum:
    known = [str(member.value) for member in target]
    try:
        return target(value)
    except ValueError:
        expected = f"one of {', '.join(known)}"
        remedy = did_you_mean(str(value), known, f"Write for example {known[0]}.")
        raise MismatchError(value, expected, remedy, choice=True) from None


def _decimal(value: Any, _target: Any) -> Decimal:
    number = exact_number(value) if type(value) is str else value
    if type(number) is int:
        number = Decimal(number)
    if type(number) is not Decimal or not is_short(number):
        remedy = f"Write for example 1000.00, with at most {DIGITS_MAX} digits in all."
        raise MismatchError(value, "a number", remedy)
    return number


def _float(value: Any, _target: Any) -> float:
    if type(value) not in (int, float, Decimal) or not isfinite(value):
        raise MismatchError(value, "a number", "Write for example 0.5, without quotes.")
    return float(value)


def _remedy(value: object, kind: type) -> str:
    if kind is str:
        return "Put it in quotes, if that is what you mean."
    if kind is int:
        digits = value.replace("_", "") if isinstance(value, str) else ""
        return f"Write {digits}." if digits.isdecimal() else "Write digits alone, such as 5, without quotes."
    word = str(value).casefold()
    if word in (*_TRUE_WORDS, *_FALSE_WORDS):
        return f"Write {'true' if word in _TRUE_WORDS else 'false'}, without quotes."
    return "Write true or false, without quotes."


def _no_list(value: object) -> MismatchError:
    one = f"[{shortened(str(value))}]" if isinstance(value, str | int | Decimal) else "[]"
    return MismatchError(value, "a list", f"Write {one}, in brackets.")


def _no_mapping(value: object) -> MismatchError:
    remedy = "Write its keys indented below it, or remove the key."
    return MismatchError(value, "a mapping", remedy)
