"""Look at the machine: interpreter, extras, disk, folders, port; judge no configuration."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Final

from meva_adapters.controls.client import LATCH_NAME
from meva_adapters.controls.kill_latch import KillLatch
from meva_adapters.secrets.private_path import exposure
from meva_core.config.schema import AppConfig
from meva_core.errors import install
from meva_runners.checkup.finding import Finding, green, red, skipped

PYTHON_MIN: Final = (3, 11)
# A month of journal of two busy symbols takes some hundred megabytes; a disk this empty fills up unnoticed.
DISK_FREE_MIN: Final = 1 << 30
_FILES_MAX: Final = 10_000


def python_version(found: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Judge the interpreter."""
    name = ".".join(map(str, found))
    if found[:2] < PYTHON_MIN:
        return red("python", f"Python {name}", "Install Python 3.11 or newer, and meva with it.")
    return green("python", f"Python {name}")


def extras(config: AppConfig) -> Finding:
    """Judge whether what the settings choose is installed."""
    chosen = tuple(_chosen(config))
    missing = [extra for extra, module in chosen if find_spec(module) is None]
    if missing:
        return red("extras", f"not installed: {', '.join(missing)}", install(",".join(missing)))
    return green("extras", ", ".join(extra for extra, _ in chosen) or "none is needed")


def _chosen(config: AppConfig) -> Iterator[tuple[str, str]]:
    if config.observability.metrics == "prometheus":
        yield "prometheus", "prometheus_client"
    if config.exchange.venue.startswith("ccxt"):
        yield "ccxt", "ccxt"


def disk_space(folder: Path, *, free_min: int = DISK_FREE_MIN) -> Finding:
    """Judge how much room the journal has to grow in."""
    place = _existing(folder)
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return red("disk", f"{place}: {error.strerror}", "Name a data folder that this user can reach.")
    said = f"{free / (1 << 30):.1f} GiB free at {place}"
    if free < free_min:
        remedy = f"Make room: at least {free_min / (1 << 30):.1f} GiB. A full disk closes the gate."
        return red("disk", said, remedy)
    return green("disk", said)


def data_folder(folder: Path) -> Finding:
    """Judge who else can read or change what the agent keeps in *folder*."""
    check = "data folder"
    try:
        if not folder.exists() and not folder.is_symlink():
            return skipped(check, f"{folder} is not there yet; the first start makes it, closed to others")
        for path in (folder, *islice(sorted(folder.rglob("*")), _FILES_MAX)):
            problem = exposure(path)
            if problem:
                said, _, remedy = problem.partition(". ")
                return red(check, f"{path}: {said}", remedy)
    except OSError as error:
        return red(
            check, f"{error.filename}: {error.strerror}", "Give the folder to the user that runs meva."
        )
    return green(check, f"{folder} is closed to others")


def latch_off(folder: Path) -> Finding:
    """Judge whether an earlier kill still holds the agent."""
    check, path = "kill latch", folder / LATCH_NAME
    latch = KillLatch(path)
    if not folder.is_dir() or not latch.is_set():
        return green(check, "nobody has set it")
    remedy = (
        "Find out why; with the agent started, which sends no order, `meva controls release` takes it off."
    )
    return red(check, f"{latch.told()}: {path}", remedy)


def port_free(host: str, port: int) -> Finding:
    """Judge whether the controls can listen; 0 is always free."""
    check = "controls port"
    if port == 0:
        return green(check, "any free one is taken")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # As the server: old connections do not count.
        try:
            probe.bind((host, port))
        except OSError as error:
            remedy = "Stop what listens there (another agent?), or set controls.port to another number."
            return red(check, f"{host}:{port}: {error.strerror}", remedy)
    return green(check, f"{host}:{port} is free")


def _existing(path: Path) -> Path:
    """Return *path* or the nearest folder above it that is there."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())
