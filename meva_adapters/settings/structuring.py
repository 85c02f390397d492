"""Build typed configuration from plain values and report every fault at once; read no file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeVar

import attrs
from cattrs.errors import BaseValidationError, StructureHandlerNotFoundError

from meva_adapters.settings.converter import strict_converter
from meva_adapters.settings.faults import Fault, faults, not_configurable
from meva_adapters.settings.sources import nearest_place
from meva_core.config.check import check
from meva_core.config.codes import Problem
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError

T = TypeVar("T")

# What stands in for a required value that is missing or wrong, so that the rest can still be checked.
_STAND_INS: Final[dict[type, Any]] = {str: "stand-in", Decimal: Decimal(1), int: 1, bool: False}
# Each round replaces every fault that it meets; values nest six deep.
_ROUNDS_MAX: Final = 20


@attrs.frozen
class Judged:
    """Hold the configuration and its *problems*; with problems, parts of *config* are stand-ins."""

    config: AppConfig
    problems: tuple[Problem, ...]


def judge(plain: Any) -> Judged:
    """Structure and check *plain*, so that faults of type and of range are found together."""
    config, found = _mended(plain)
    wrong = [problem.path for problem in found]
    return Judged(config, (*found, *(problem for problem in check(config) if not _follows(problem, wrong))))


def config_of(plain: Any) -> AppConfig:
    """Structure *plain* and nothing else; raise `ConfigError` with every fault of type."""
    return _structured(AppConfig, plain, root="", places=None)


def build_strategy(
    cls: type[T], parameters: Mapping[str, Any], where: str, places: Mapping[str, str] | None = None
) -> T:
    """Return a strategy of the attrs class *cls* with *parameters*, as strictly as the rest is read.

    *where* is the key path of the parameters (`strategies.0.parameters`), *places* the origins of a
    `LoadedSettings`. Raise `ConfigError` with every fault.
    """
    is_configurable = attrs.has(cls)  # A variable, because the check itself would narrow the type.
    if not is_configurable:
        raise ConfigError((str(not_configurable(where, cls.__qualname__)),))
    return _structured(cls, dict(parameters), root=where, places=places)


def _structured(cls: type[T], plain: Any, *, root: str, places: Mapping[str, str] | None) -> T:
    try:
        return strict_converter().structure(plain, cls)
    except (BaseValidationError, StructureHandlerNotFoundError, NameError, TypeError) as exc:
        problems = [fault.problem for fault in faults(exc, root=root)]
    if places is not None:
        problems = [placed(problem, places) for problem in problems]
    raise ConfigError(tuple(map(str, problems)))


def placed(problem: Problem, places: Mapping[str, str]) -> Problem:
    """Return *problem* with the place of its key, or of the closest mapping or list around it."""
    place = problem.place or nearest_place(places, problem.path) or "the defaults"
    return attrs.evolve(problem, place=place)


def _mended(plain: Any) -> tuple[AppConfig, tuple[Problem, ...]]:
    """Return a configuration in any case: defaults and stand-ins replace what does not fit."""
    converter = strict_converter()
    first: tuple[Problem, ...] | None = None
    values = copy.deepcopy(plain)
    for _ in range(_ROUNDS_MAX):
        try:
            return converter.structure(values, AppConfig), first or ()
        except BaseValidationError as exc:
            found = faults(exc)
        if first is None:
            first = tuple(fault.problem for fault in found)
        for fault in found:
            _mend(values, fault)
    raise ConfigError(tuple(str(problem) for problem in first or ()))


def _mend(values: Any, fault: Fault) -> None:
    """Remove the value at fault, so that its default counts; put a stand-in where there is none."""
    *above, last = fault.keys
    parent = values
    for key in above:
        parent = parent[key]
    if isinstance(parent, dict) and last in parent:
        del parent[last]
    else:
        parent[last] = _stand_in(fault.kind)


def _stand_in(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    return _STAND_INS.get(kind, {})


def _follows(problem: Problem, wrong: list[str]) -> bool:
    """Return whether *problem* concerns a key that is already reported as wrong, or anything around it."""
    return any(_overlap(path, other) for path in (problem.path, *problem.related) for other in wrong)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
