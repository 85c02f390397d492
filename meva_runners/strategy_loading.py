"""Find strategies by name and build them from their parameters; the only place that imports a stranger's code."""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from meva_adapters.settings import build_strategy
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError, StrategyError
from meva_core.signals.signal_engine import described
from meva_core.signals.strategy import Strategy
from meva_core.signals.strategy_registry import StrategyRegistry, builtin_strategies
from meva_runners.composition import ConfiguredStrategy

ENTRY_POINTS: Final = "meva.strategies"


def configured_strategies(
    config: AppConfig, origins: Mapping[str, str] | None = None
) -> tuple[ConfiguredStrategy, ...]:
    """Return every enabled strategy of *config*, built; *origins* says where its parameters were written.

    A name is a shipped strategy's, one that an installed package offers under the entry point group
    `meva.strategies`, or `module:Class` with a module that can be imported from the current directory. Raise
    `ConfigError` or `UnknownStrategyError`.
    """
    registry = StrategyRegistry(builtin_strategies())
    found = []
    for position, item in enumerate(config.strategies):
        if item.enabled:
            _register(registry, item.name)
            cls = registry.get(item.name)
            where = f"strategies.{position}.parameters"
            strategy = build_strategy(cls, item.parameters, where, origins)
            found.append(ConfiguredStrategy(item.name, strategy, item.symbols))
    return tuple(found)


def _register(registry: StrategyRegistry, name: str) -> None:
    if name in registry.names():
        return
    if ":" in name:
        registry.register(name, _imported(name))
        return
    offered: Iterable[importlib.metadata.EntryPoint] = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for entry in offered:
        if entry.name == name:
            registry.register(name, _imported(entry.value))
            return


def _imported(place: str) -> type[Strategy]:
    """Return the class at `module:Class`; whatever its module raises is its author's to read."""
    module_name, _, class_name = place.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name.partition(".")[0] and error.name != module_name:
            raise StrategyError(place, "every symbol", f"cannot be imported: {described(error)}") from error
        remedy = "run from the directory that holds it"
        if module_name.endswith(".py"):
            remedy = f"name the module without its ending: {module_name.removesuffix('.py')}:{class_name}"
        problem = f"strategy {place!r}: no module {module_name!r} here; {remedy}"
        raise ConfigError((problem,)) from error
    except Exception as error:
        raise StrategyError(place, "every symbol", f"cannot be imported: {described(error)}") from error
    cls = getattr(module, class_name, None)
    if not isinstance(cls, type):
        own = (name for name, item in vars(module).items() if getattr(item, "__module__", "") == module_name)
        names = ", ".join(name for name in own if isinstance(getattr(module, name), type)) or "none"
        raise ConfigError((f"strategy {place!r}: {module_name} has no class {class_name!r}; it has {names}",))
    return cls
