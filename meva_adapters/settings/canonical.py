"""Write a configuration as one canonical text, and read that text back; find and merge nothing.

Equal configurations give equal text: keys are sorted, amounts are plain decimal text without trailing zeros.
Numbers among a strategy's parameters stay JSON numbers, exact to the digit: their type is not known here.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from typing import Any, Final, NoReturn

from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn, override

from meva_adapters.settings.scalars import exact_number
from meva_adapters.settings.structuring import config_of
from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig, StrategyConfig
from meva_core.errors import ConfigError

HASH_BYTES: Final = 16


def config_text(config: AppConfig) -> str:
    """Return *config* as canonical JSON; secrets are in it as the references that they are."""
    return _json(_unstructurer().unstructure(config))


def config_digest(text: str) -> str:
    """Return the BLAKE2b-128 of the canonical *text*, in hexadecimal."""
    return blake2b(text.encode(), digest_size=HASH_BYTES).hexdigest()


def config_from_json(text: str) -> AppConfig:
    """Return the configuration that `config_text` wrote; raise `ConfigError` when *text* is something else.

    Rules are not applied again: a recorded session stays readable when rules become stricter.
    """
    try:
        plain = json.loads(text, parse_float=_exact, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        problem = Problem(
            Code.UNREADABLE,
            "",
            found="text that is no canonical configuration",
            expected="the JSON that a session records",
            remedy="The recording is damaged, or it was edited: take another copy.",
            place="the recorded configuration",
        )
        raise ConfigError((str(problem),)) from exc
    return config_of(plain)


@cache
def _unstructurer() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(Decimal, _amount)
    parameters = override(unstruct_hook=_unchanged)
    converter.register_unstructure_hook(
        StrategyConfig, make_dict_unstructure_fn(StrategyConfig, converter, parameters=parameters)
    )
    return converter


def _unchanged(value: Any) -> Any:
    return value


def _amount(value: Decimal) -> str:
    """Return *value* in plain notation without trailing zeros: one text for one number."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _json(value: Any) -> str:
    match value:
        case dict():
            items = (f"{json.dumps(str(key))}:{_json(value[key])}" for key in sorted(value))
            return f"{{{','.join(items)}}}"
        case list() | tuple():
            return f"[{','.join(map(_json, value))}]"
        case Decimal():
            # The point tells a Decimal from an integer when it is read back.
            text = _amount(value)
            return text if "." in text else f"{text}.0"
        case _:
            return json.dumps(value)


def _exact(text: str) -> Decimal:
    number = exact_number(text)
    if number is None:
        raise ValueError("a number of too many digits")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
