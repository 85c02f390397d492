"""Refuse configurations that would leak a secret, or trade real money unwatched; know nothing of markets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig, Mode

# What live mode may not take from the defaults: somebody must have written it down for this account.
LIVE_LIMITS: Final = (
    "risk.max_notional_per_trade",
    "risk.max_position_notional_per_symbol",
    "risk.max_portfolio_exposure",
    "risk.daily_loss_limit",
    "risk.max_drawdown_limit",
    "risk.max_open_orders",
    "risk.max_orders_per_window",
    "risk.max_repeated_orders",
    "risk.price_collar_bps",
    "risk.max_data_age_ms",
)
# Channels that need no address, and that no person watches.
LOCAL_CHANNELS: Final = ("log",)
SIMULATED_VENUE: Final = "simulated"
# Below half a minute, lagging queries let orders be placed twice (measured with 2 % of orders 25 s late).
LIVE_FENCE_LAG_S_MIN: Final = 30

_REFERENCE: Final = re.compile(r"(env|cred):[A-Za-z_][A-Za-z0-9_.-]{0,199}|file:\S.{0,999}")
_ENCRYPTED: Final = re.compile(r"(https|wss)://[^\s/@?#]+(/[^\s@?#]*)?")
_LOOPBACK: Final = re.compile(r"(http|ws)://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?(/[^\s@?#]*)?")
_REFERENCE_FORMS: Final = "a reference: env:NAME, file:PATH or cred:NAME"


def limits_to_choose(config: AppConfig) -> tuple[str, ...]:
    """Return the limits that the mode of *config* may not take from what every environment shares."""
    return LIVE_LIMITS if config.mode is Mode.LIVE else ()


def needs_trading_key(config: AppConfig) -> bool:
    """Return whether the mode of *config* sends orders with real money, so that its key must be allowed to."""
    return config.mode is Mode.LIVE


def is_reference(text: str) -> bool:
    """Return whether *text* names where a secret is, instead of being one."""
    return bool(_REFERENCE.fullmatch(text))


def secret_references(config: AppConfig) -> Iterator[Problem]:
    """Yield a problem for every secret that stands in the configuration itself; never show it."""
    channels = config.observability.alert_channels
    secrets = [
        ("exchange.api_key", config.exchange.api_key),
        ("exchange.api_secret", config.exchange.api_secret),
        ("observability.heartbeat_url", config.observability.heartbeat_url),
        *(
            (f"observability.alert_channels.{index}", channel)
            for index, channel in enumerate(channels)
            if channel not in LOCAL_CHANNELS
        ),
    ]
    for path, value in secrets:
        if value and not is_reference(value):
            yield Problem(
                Code.PLAIN_SECRET,
                path,
                found="a plain value (not shown)",
                expected=_REFERENCE_FORMS,
                remedy="Replace it by a reference, and treat the secret as known: make a new one.",
            )


def secure_urls(config: AppConfig) -> Iterator[Problem]:
    """Yield a problem for every address that is not encrypted and not on this machine."""
    exchange = config.exchange
    addresses = (("rest_url", exchange.rest_url), ("stream_url", exchange.stream_url))
    for name, url in (*addresses, ("ws_api_url", exchange.ws_api_url)):
        if url and not (_ENCRYPTED.fullmatch(url) or _LOOPBACK.fullmatch(url)):
            yield Problem(
                Code.INSECURE_URL,
                f"exchange.{name}",
                found="another address" if "@" in url or "?" in url else repr(url),
                expected="https:// or wss://, or an address on this machine",
                remedy="Use the venue's encrypted address, without a user name or password in it.",
            )


def alert_routes(config: AppConfig) -> Iterator[Problem]:
    """Yield a problem when nobody would be told, in production or with real money."""
    reached = [name for name in config.observability.alert_channels if name not in LOCAL_CHANNELS]
    if not reached and (config.mode is Mode.LIVE or config.env == "prod"):
        yield Problem(
            Code.NO_ALERT_ROUTE,
            "observability.alert_channels",
            found="no channel that reaches a person",
            expected=f"at least one channel, given as {_REFERENCE_FORMS}",
            remedy="Write for example [env:MEVA_ALERT_URL], and put the channel's address in that variable.",
            related=("mode",),
        )


def live_needs(config: AppConfig) -> Iterator[Problem]:
    """Yield a problem for everything that trading real money needs and that is not there."""
    if config.mode is not Mode.LIVE:
        return
    exchange = config.exchange
    if exchange.venue == SIMULATED_VENUE:
        yield Problem(
            Code.WRONG_VENUE,
            "exchange.venue",
            found=repr(exchange.venue),
            expected="a real venue, in live mode",
            remedy="Name the venue, or use the mode paper.",
            related=("mode",),
        )
    needed = (("rest_url", exchange.rest_url), ("stream_url", exchange.stream_url))
    secrets = (("api_key", exchange.api_key), ("api_secret", exchange.api_secret))
    for name, value in (*needed, *secrets):
        if not value:
            yield Problem(
                Code.MISSING,
                f"exchange.{name}",
                found="nothing",
                expected=_REFERENCE_FORMS if name.startswith("api_") else "the venue's address",
                remedy="Live mode cannot trade without it.",
                related=("mode",),
            )
    if config.execution.fence_lag_bound_s < LIVE_FENCE_LAG_S_MIN:
        yield Problem(
            Code.OUT_OF_RANGE,
            "execution.fence_lag_bound_s",
            found=str(config.execution.fence_lag_bound_s),
            expected=f"at least {LIVE_FENCE_LAG_S_MIN} in live mode",
            remedy="A venue's answers lag: a shorter bound lets an order be placed twice.",
            related=("mode",),
        )
