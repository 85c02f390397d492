"""Say where an agent keeps what outlives its process; make nothing there."""

from __future__ import annotations

import os
from pathlib import Path

from meva_core.config.schema import AppConfig


def state_folder(name: str) -> Path:
    """Return the folder *name* under the user's state directory (XDG base directory specification)."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "meva" / name


def nonce_folder() -> Path:
    """Return the folder in which each API key's last nonce outlives every session and agent."""
    return state_folder("nonces")


def control_folder(config: AppConfig) -> Path:
    """Return the folder of the tokens and the kill latch."""
    name = f"{config.agent}-{config.account}-{config.mode.value}"
    return Path(config.controls.folder).expanduser() if config.controls.folder else state_folder(name)
