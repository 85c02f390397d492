"""Find a harness by its place, `package.module:name`; run nothing of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meva_core.errors import ConfigError
from meva_core.signals.signal_engine import described


def harness_at(place: str) -> Callable[[], Any]:
    """Return what makes a harness; raise `ConfigError` where *place* names nothing that can be called.

    A module in the current directory is found too.
    """
    module_name, colon, name = place.partition(":")
    if not (module_name and colon and name):
        raise ConfigError((f"adapter: got {place!r}. Expected package.module:harness.",))
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise ConfigError((f"adapter: {module_name} cannot be imported: {described(error)}.",)) from error
        problem = f"adapter: no module {module_name!r} here. Run from the directory that holds it."
        raise ConfigError((problem,)) from error
    except Exception as error:
        remedy = "Run from the directory that holds it, and see that it imports."
        raise ConfigError((f"adapter: {module_name}: {described(error)}. {remedy}",)) from error
    found = getattr(module, name, None)
    if not callable(found):
        own = [each for each, item in vars(module).items() if getattr(item, "__module__", "") == module_name]
        names = ", ".join(sorted(own))
        raise ConfigError((f"adapter: {module_name} has no {name!r} to call. It has: {names or 'nothing'}.",))
    make: Callable[[], Any] = found
    return make


def harness_made(make: Callable[[], Any], place: str) -> Any:
    """Return one harness; raise `ConfigError` where *make* does not, with what it raised."""
    try:
        return make()
    except Exception as error:
        raise ConfigError((f"adapter: {place} cannot be called: {described(error)}.",)) from error
