"""Decide what a plain word of configuration means: scalars of YAML 1.2, numbers exact; read no file."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

Scalar = bool | int | Decimal | str | None

# The product of two amounts of this length is still exact (see `meva_core.model.money`).
DIGITS_MAX: Final = 28

_WHOLE: Final = re.compile(r"[-+]?[0-9]+")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# YAML 1.2, core schema (section 10.3.2): `yes`, `no`, `on`, `off` and dates are text.
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def scalar(text: str) -> Scalar:
    """Return what the unquoted *text* stands for; a number that is too long to be exact stays text."""
    if text in _WORDS:
        return _WORDS[text]
    number = exact_number(text)
    if number is None:
        return text
    return int(number) if _WHOLE.fullmatch(text) else number


def is_text(text: str) -> bool:
    """Return whether *text* is whole characters: a lone surrogate can be neither written nor recorded."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def exact_number(text: str) -> Decimal | None:
    """Return *text* as a Decimal, digit for digit; `None` when it is no number of at most 28 digits."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:  # The exponent itself is beyond what Decimal can hold.
        return None
    return number if is_short(number) else None


def is_short(number: Decimal) -> bool:
    """Return whether *number* is finite and needs at most 28 digits in plain notation."""
    if not number.is_finite():
        return False
    exponent = int(number.as_tuple().exponent)
    whole_digits = max(number.adjusted() + 1, 1)
    return whole_digits + max(-exponent, 0) <= DIGITS_MAX
