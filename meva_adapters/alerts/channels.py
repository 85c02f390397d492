"""Tell by its address how a channel wants to be spoken to; deliver nothing."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from meva_adapters.alerts.addresses import read_address, unusable
from meva_adapters.alerts.apprise_sink import AppriseAlertSink
from meva_adapters.alerts.webhook import WebhookAlertSink, plain_form, slack_form, telegram_form
from meva_core.ports.alerts import AlertSink

_SETTING: Final = "observability.alert_channels"


def sink_of(address: str) -> AlertSink:
    """Return the sink that speaks to *address*; raise `ConfigError`, without the address, where none does.

    `https://hooks.slack.com/...` is Slack's, `https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>`
    Telegram's; any other `https://` address is a web hook, signed when it ends in `#key=<secret>` (the part after
    `#` is not sent). What has another scheme, such as `mailto://`, is apprise's.
    """
    parts = read_address(address, _SETTING)
    if parts.scheme not in {"http", "https"}:
        return AppriseAlertSink(address.strip())
    plain = parts._replace(fragment="").geturl()
    if parts.hostname == "hooks.slack.com":
        return WebhookAlertSink(plain, slack_form)
    if parts.hostname == "api.telegram.org":
        chats = parse_qs(parts.query).get("chat_id", [])
        if len(chats) != 1:
            raise unusable(_SETTING, "is Telegram's without one chat_id. End it in sendMessage?chat_id=<id>.")
        return WebhookAlertSink(parts._replace(query="", fragment="").geturl(), telegram_form(chats[0]))
    key = parse_qs(parts.fragment).get("key", [""])[0]
    return WebhookAlertSink(plain, plain_form, key=key.encode())
