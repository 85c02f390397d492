"""Define how runners get secrets: by reference, never by value in configuration."""

from __future__ import annotations

from typing import Protocol


class SecretSource(Protocol):
    """Resolve a reference such as `env:NAME` or `file:/path`."""

    def resolve(self, reference: str) -> str:
        """Return the secret; raise `ConfigError` when it is missing or readable by others."""
        ...
