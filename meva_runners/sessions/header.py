"""Say what a new session is made from; record nothing."""

from __future__ import annotations

import secrets
from importlib.metadata import version

from meva_adapters.clock.system import SystemClock
from meva_adapters.settings import LoadedSettings
from meva_core.ports.storage import SessionHeader


def session_header(settings: LoadedSettings, *, tape_hash: str = "") -> SessionHeader:
    """Return the header of a session that starts now; *tape_hash* names the recording that it replays, if any."""
    config = settings.config
    return SessionHeader(
        session_id=secrets.token_hex(8),
        mode=config.mode.value,
        account=config.account,
        config_json=settings.config_json,
        config_hash=settings.config_hash,
        tape_hash=tape_hash,
        seed=config.seed,
        program_version=version("meva"),
        started_ns=SystemClock().now_ns(),
    )
