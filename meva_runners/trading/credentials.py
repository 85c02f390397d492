"""Find the configured venue, its addresses and the keys of the account; keep no secret longer than its adapter does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from meva_adapters.secrets.references import ReferencedSecrets
from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_runners.venues.registry import VENUES
from meva_runners.venues.venue import Account, Venue

_NEEDED: Final = ("rest_url", "stream_url", "ws_api_url", "api_key", "api_secret")


def configured_venue(config: AppConfig) -> Venue:
    """Return the venue of *config*; raise `ConfigError` where no runner knows it."""
    problems = tuple(_venue_problems(config.exchange.venue))
    if problems:
        raise ConfigError(tuple(map(str, problems)))
    return VENUES[config.exchange.venue]


def configured_account(config: AppConfig) -> Account:
    """Return where the account is and what it is reached with; raise `ConfigError` naming all that is missing."""
    exchange = config.exchange
    problems = [*_venue_problems(exchange.venue)]
    problems += [
        Problem(
            Code.MISSING,
            f"exchange.{name}",
            found="nothing",
            expected="a reference such as env:NAME" if name.startswith("api_") else "the venue's address",
            remedy=f"The mode {config.mode.value} cannot reach an account without it.",
        )
        for name in _NEEDED
        if not getattr(exchange, name)
    ]
    if problems:
        raise ConfigError(tuple(map(str, problems)))
    secrets = ReferencedSecrets(os.environ)
    return Account(
        rest_url=exchange.rest_url,
        stream_url=exchange.stream_url,
        ws_api_url=exchange.ws_api_url,
        api_key=secrets.resolve(exchange.api_key).reveal(),
        api_secret=secrets.resolve(exchange.api_secret).reveal(),
    )


def _venue_problems(venue: str) -> Iterator[Problem]:
    if venue not in VENUES:
        yield Problem(
            Code.WRONG_VENUE,
            "exchange.venue",
            found=repr(venue),
            expected=f"one of {', '.join(VENUES)}",
            remedy="Shadow and live trading reach no other venue.",
        )
