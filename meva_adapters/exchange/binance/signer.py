"""Sign requests with one key; the secret never leaves this object, in no text form either."""

from __future__ import annotations

import base64
import hmac
from typing import Final, Protocol
from urllib.parse import quote

from meva_adapters.transport.http import NotSentError
from meva_core.errors import ConfigError, install


class Signer(Protocol):
    """Sign a payload by the rules of Binance ("Signed request", request security)."""

    def sign(self, payload: bytes) -> str:
        """Return the signature as it stands in JSON; in a URL it is percent-encoded."""
        ...


class AccountReadSigner:
    """Sign nothing but the question of what an account holds.

    Every order and every cancel names a market, so a payload that names anything but what is listed here is refused:
    whoever holds only this cannot make a signature under which something is bought, sold or cancelled. Binance signs
    the parameters alone (request security), whatever the path, so it is they that are looked at.
    """

    ALLOWED: Final = frozenset({"omitZeroBalances", "recvWindow", "timestamp"})

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __repr__(self) -> str:
        return "AccountReadSigner(...)"

    def sign(self, payload: bytes) -> str:
        """Return the signature of *payload*; raise `NotSentError` for all but reading the account."""
        names = {part.partition(b"=")[0].decode("ascii", "replace") for part in payload.split(b"&")}
        if not names <= self.ALLOWED:
            others = ", ".join(sorted(names - self.ALLOWED))
            raise NotSentError(
                f"this key's signer reads the account and nothing else; it does not sign {others}"
            )
        return self._signer.sign(payload)


class HmacSigner:
    """Sign with HMAC-SHA256, in hex."""

    def __init__(self, secret: str) -> None:
        self._keyed = hmac.new(
            secret.encode(), digestmod="sha256"
        )  # Copied, it need not be looked up each time.

    def __repr__(self) -> str:
        return "HmacSigner(...)"

    def sign(self, payload: bytes) -> str:
        """Return the signature of *payload*, in hex."""
        signature = self._keyed.copy()
        signature.update(payload)
        return signature.hexdigest()


class Ed25519Signer:
    """Sign with an Ed25519 key in PKCS#8 PEM, in base64; needs the extra `ed25519`."""

    def __init__(self, private_key_pem: str) -> None:
        try:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
            from cryptography.hazmat.primitives.serialization import load_pem_private_key
        except ImportError as exc:
            problem = f"the key is an Ed25519 key, which needs an extra: {install('ed25519')}."
            raise ConfigError((f"exchange.api_secret: {problem}",)) from exc
        try:
            key = load_pem_private_key(private_key_pem.encode(), password=None)
        except (ValueError, TypeError) as exc:
            raise ConfigError(("exchange.api_secret: no readable PKCS#8 PEM key without password.",)) from exc
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(("exchange.api_secret: the PEM key is no Ed25519 key.",))
        self._key = key

    def __repr__(self) -> str:
        return "Ed25519Signer(...)"

    def sign(self, payload: bytes) -> str:
        """Return the signature of *payload*, in base64."""
        return base64.b64encode(self._key.sign(payload)).decode()


def signer_of(secret: str) -> Signer:
    """Return the signer that fits *secret*: a PEM text is an Ed25519 key, anything else an HMAC secret."""
    return Ed25519Signer(secret) if "-----BEGIN" in secret else HmacSigner(secret)


def signed_query(parameters: list[tuple[str, str]], signer: Signer) -> str:
    """Return the query of a signed REST request: first encoded, then signed."""
    query = encoded_query(parameters)
    return f"{query}&signature={quote(signer.sign(query.encode()), safe='')}"


def encoded_query(parameters: list[tuple[str, str]]) -> str:
    """Return *parameters* percent-encoded, in their order."""
    return "&".join(
        f"{name}={value if value.isascii() and value.isalnum() else quote(value, safe='')}"
        for name, value in parameters
    )


def signed_params(parameters: dict[str, str | int], signer: Signer) -> dict[str, str | int]:
    """Return the parameters of a signed WebSocket request: sorted by name, not percent-encoded."""
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    return {**parameters, "signature": signer.sign(payload.encode())}
