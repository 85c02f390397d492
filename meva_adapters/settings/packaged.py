"""Find the configuration files that come with the program; read none."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

# The wheel carries the files beside the runners; a checkout keeps them at the top, for people to read.
_IN_WHEEL: Final = ("meva_runners", "_config")
_IN_CHECKOUT: Final = Path(__file__).parents[2] / "config"


def packaged_config_dir() -> Path:
    """Return the folder with `base.yaml` and its companions."""
    package, folder = _IN_WHEEL
    try:
        installed = Path(str(files(package))) / folder
    except ModuleNotFoundError:  # The adapters are used without the runners.
        return _IN_CHECKOUT
    return installed if installed.is_dir() else _IN_CHECKOUT
