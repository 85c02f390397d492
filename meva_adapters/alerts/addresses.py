"""Refuse addresses that would carry a secret in the open; speak to none of them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from meva_core.errors import ConfigError

_LOOPBACK: Final = re.compile(r"127\.0\.0\.1|localhost|::1")


def read_address(address: str, setting: str) -> SplitResult:
    """Return the parts of *address*; raise `ConfigError`, which names the *setting* alone, where it is in the open."""
    parts = urlsplit(address.strip())
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or ""):
        raise unusable(setting, "is not encrypted. Use https, or a receiver on this machine.")
    return parts


def unusable(setting: str, problem: str) -> ConfigError:
    """Return the error of an address that cannot be used."""
    return ConfigError((f"{setting}: an address {problem}",))
