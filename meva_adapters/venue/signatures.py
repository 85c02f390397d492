"""Decide whether a request was signed by the owner of its key, in time; act on nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import unquote

from meva_adapters.venue.errors import ApiError, missing
from meva_adapters.venue.settings import AccountSettings
from meva_core.errors import ConfigError, install

AHEAD_MS_MAX: Final = 1_000
RECV_WINDOW_MS: Final = 5_000
_RECV_WINDOW_MS_MAX: Final = 60_000
_MICROSECONDS_FROM: Final = 10**14  # A time above it can only be meant in microseconds.
_SIGNATURE: Final = "signature="
_INVALID: Final = ApiError(-1022, "Signature for this request is not valid.")


def rest_payload(query: str, body: str) -> bytes:
    """Return what a REST request signs: query and body as sent, without the signature, with nothing between."""
    return (_without_signature(query) + _without_signature(body)).encode()


def socket_payload(params: Mapping[str, object]) -> bytes:
    """Return what a WebSocket request signs: its parameters sorted by name, not percent-encoded."""
    pairs = sorted((name, as_text(value)) for name, value in params.items() if name != "signature")
    return "&".join(f"{name}={value}" for name, value in pairs).encode()


def as_text(value: object) -> str:
    """Return a JSON value as it stands in a payload."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_signature(account: AccountSettings, payload: bytes, signature: str) -> None:
    """Raise `ApiError` unless *signature* is that of *payload* by the account's key."""
    if account.public_key_pem:
        _check_ed25519(account.public_key_pem, payload, unquote(signature))
        return
    expected = hmac.new(account.secret.encode(), payload, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise _INVALID


def check_time(params: Mapping[str, str], now_ms: int) -> None:
    """Raise `ApiError` where the request's time lies outside its window."""
    try:
        sent = int(params["timestamp"])
    except KeyError:
        raise missing("timestamp") from None
    except ValueError:
        raise ApiError(-1100, "Illegal characters found in parameter 'timestamp'.") from None
    try:
        window = Decimal(params.get("recvWindow") or RECV_WINDOW_MS)
    except InvalidOperation:
        raise ApiError(-1100, "Illegal characters found in parameter 'recvWindow'.") from None
    if not 0 <= window <= _RECV_WINDOW_MS_MAX:
        raise ApiError(-1131, "recvWindow must be less than 60000.")
    sent_ms = sent // 1000 if sent >= _MICROSECONDS_FROM else sent
    if sent_ms >= now_ms + AHEAD_MS_MAX:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - sent_ms > window:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _without_signature(text: str) -> str:
    if _SIGNATURE not in text:
        return text
    return "&".join(pair for pair in text.split("&") if not pair.startswith(_SIGNATURE))


def _check_ed25519(public_key_pem: str, payload: bytes, signature: str) -> None:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise ConfigError((f"An Ed25519 account needs an extra: {install('ed25519')}.",)) from error
    key = load_pem_public_key(public_key_pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(("public_key_pem: expected an Ed25519 public key.",))
    try:
        key.verify(base64.b64decode(signature, validate=True), payload)
    except (InvalidSignature, binascii.Error):
        raise _INVALID from None
