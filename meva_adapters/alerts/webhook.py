"""Say an alert to Slack, Telegram or any web hook in the form that it expects; try once, repeat nothing."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import aiohttp
import orjson

from meva_core.commands import RaiseAlert

DEADLINE_S: Final = 2.0  # With one repetition and a second of waiting an alert still arrives within five.
_OK: Final = range(200, 300)

Form = Callable[[RaiseAlert], dict[str, object]]


def plain_form(alert: RaiseAlert) -> dict[str, object]:
    """Return every field of *alert*."""
    return {
        "level": alert.level.value,
        "code": alert.code,
        "subject": alert.subject,
        "message": alert.message,
        "context": {key: str(value) for key, value in alert.context.items()},
    }


def slack_form(alert: RaiseAlert) -> dict[str, object]:
    """Return the message of a Slack incoming webhook; its three control characters are escaped."""
    text = one_line(alert).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text}


def telegram_form(chat_id: str) -> Form:
    """Return the form of the Telegram Bot API's `sendMessage` to *chat_id*; plain text needs no escapes."""
    return lambda alert: {"chat_id": chat_id, "text": one_line(alert), "disable_web_page_preview": True}


def one_line(alert: RaiseAlert) -> str:
    """Return *alert* as one line for people."""
    subject = f" {alert.subject}" if alert.subject else ""
    return f"[{alert.level.upper()}] {alert.code}{subject}: {alert.message}"


class WebhookAlertSink:
    """Post alerts to *address*, which is a secret: who knows it can post there, so no message names it.

    With a *key*, `X-Meva-Signature` carries `t=<unix seconds>,v1=<HMAC-SHA256 of "<t>.<body>" in hex>`.
    """

    def __init__(
        self,
        address: str,
        form: Form = plain_form,
        *,
        key: bytes = b"",
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._address = address
        self._form = form
        self._key = key
        self._now_s = now_s

    async def deliver(self, alert: RaiseAlert) -> bool:
        """Send *alert*; return whether the receiver took it."""
        body = orjson.dumps(self._form(alert))
        headers = {"Content-Type": "application/json"}
        if self._key:
            stamp = str(int(self._now_s()))
            digest = hmac.new(self._key, f"{stamp}.".encode() + body, sha256).hexdigest()
            headers["X-Meva-Signature"] = f"t={stamp},v1={digest}"
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.post(self._address, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return response.status in _OK
        except (aiohttp.ClientError, TimeoutError):
            return False
