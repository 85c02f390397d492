"""Issue and know the tokens with which a private WebSocket is opened."""

from __future__ import annotations

import secrets
import time
from typing import Final

from meva_adapters.venue.accounts import Account

_TOKENS_MAX: Final = 10_000


class Tokens:
    """Hold tokens of all accounts; one that is not used in time is worth nothing."""

    LIFE_S: Final = 900

    def __init__(self) -> None:
        self._issued: dict[str, tuple[Account, float]] = {}

    def issue(self, account: Account) -> str:
        """Return a new token."""
        token = secrets.token_urlsafe(32)
        self._issued[token] = (account, time.monotonic() + self.LIFE_S)
        if len(self._issued) > _TOKENS_MAX:
            del self._issued[next(iter(self._issued))]
        return token

    def account(self, token: object) -> Account | None:
        """Return whose token it is, None where it is nobody's or too old."""
        found = self._issued.get(token) if isinstance(token, str) else None
        return found[0] if found is not None and time.monotonic() < found[1] else None
