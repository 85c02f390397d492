"""Tell by its address how a channel wants to be spoken to; deliver nothing."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from meva_adapters.alerts.apprise_sink import AppriseAlertSink
from meva_adapters.alerts.webhook import WebhookAlertSink, plain_form, slack_form, telegram_form
from meva_core.errors import ConfigError
from meva_core.ports.alerts import AlertSink

_LOOPBACK: Final = re.compile(r"127\.0\.0\.1|localhost|::1")


def sink_of(address: str) -> AlertSink:
    """Return the sink that speaks to *address*; raise `ConfigError`, without the address, where none does.

    `https://hooks.slack.com/...` is Slack's, `https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>`
    Telegram's; any other `https://` address is a web hook, signed when it ends in `#key=<secret>` (the part after
    `#` is not sent). What has another scheme, such as `mailto://`, is apprise's.
    """
    parts = urlsplit(address.strip())
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or ""):
        raise _unusable("is not encrypted. Use https, or a receiver on this machine.")
    if parts.scheme not in {"http", "https"}:
        return AppriseAlertSink(address.strip())
    plain = parts._replace(fragment="").geturl()
    if parts.hostname == "hooks.slack.com":
        return WebhookAlertSink(plain, slack_form)
    if parts.hostname == "api.telegram.org":
        chats = parse_qs(parts.query).get("chat_id", [])
        if len(chats) != 1:
            raise _unusable("is Telegram's without one chat_id. End it in sendMessage?chat_id=<id>.")
        return WebhookAlertSink(parts._replace(query="", fragment="").geturl(), telegram_form(chats[0]))
    key = parse_qs(parts.fragment).get("key", [""])[0]
    return WebhookAlertSink(plain, plain_form, key=key.encode())


def _unusable(problem: str) -> ConfigError:
    return ConfigError((f"observability.alert_channels: an address {problem}",))
