"""Calculate the signature of a private REST call to Kraken; keep no key."""

from __future__ import annotations

import base64
import hashlib
import hmac


def api_sign(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """Return `API-Sign` of a call: HMAC-SHA512 of path and SHA256(nonce, body), in base64 (REST authentication)."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.new(secret, path.encode() + digest, hashlib.sha512).digest()).decode()
