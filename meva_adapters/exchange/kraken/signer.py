"""Sign private calls with one key; the secret never leaves this object, in no text form either."""

from __future__ import annotations

import base64
import binascii
from typing import Final, Protocol

from meva_adapters.transport.http import NotSentError
from meva_adapters.wire.kraken_signature import api_sign
from meva_core.errors import ConfigError


class Signer(Protocol):
    """Sign a call by the rules of Kraken ("Authentication")."""

    def sign(self, path: str, nonce: str, body: bytes) -> str:
        """Return the header `API-Sign` of a call."""
        ...


class AccountReadSigner:
    """Sign nothing but the question of what an account holds.

    The signature covers the path, so whoever holds only this cannot have anything bought, sold or cancelled.
    """

    ALLOWED: Final = "/0/private/BalanceEx"

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __repr__(self) -> str:
        return "AccountReadSigner(...)"

    def sign(self, path: str, nonce: str, body: bytes) -> str:
        """Return the header of the call; raise `NotSentError` for all but reading the account."""
        if path != self.ALLOWED:
            raise NotSentError(
                f"this key's signer reads the account and nothing else; it does not sign {path}"
            )
        return self._signer.sign(path, nonce, body)


class KrakenSigner:
    """Hold the private key, which Kraken hands out in base64."""

    def __init__(self, secret: str) -> None:
        try:
            self._secret = base64.b64decode(secret.strip(), validate=True)
        except (binascii.Error, ValueError) as exc:
            problem = "no base64. Copy the whole private key that Kraken showed when the key was made."
            raise ConfigError((f"exchange.api_secret: {problem}",)) from exc
        if not self._secret:
            raise ConfigError(("exchange.api_secret: it is empty. Give the private key of the API key.",))

    def __repr__(self) -> str:
        return "KrakenSigner(...)"

    def sign(self, path: str, nonce: str, body: bytes) -> str:
        """Return the header `API-Sign` of a call."""
        return api_sign(self._secret, path, nonce, body)
