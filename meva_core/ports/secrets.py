"""Define how runners get secrets: by reference, never by value in configuration."""

from __future__ import annotations

from typing import Protocol

from meva_core.model.secret import Secret


class SecretSource(Protocol):
    """Resolve a reference such as `env:NAME` or `file:/path`."""

    def resolve(self, reference: str) -> Secret:
        """Return the secret; raise `ConfigError` when it is missing or readable by others."""
        ...
