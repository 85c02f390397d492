"""Ask the venue what must be true before an order leaves: reachable, clocks, rules, rights; send no order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from meva_adapters.clock.system import SystemClock
from meva_adapters.transport.http import HttpTransport
from meva_core.config.safety import SIMULATED_VENUE, needs_trading_key
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError, MevaError, VenueRefusedError, VenueUnknownError
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS
from meva_core.model.secret import Secret
from meva_core.ports.exchange import VenueReference
from meva_runners.checkup.finding import Finding, green, red, skipped
from meva_runners.trading.places import nonce_folder
from meva_runners.venues.registry import VENUES
from meva_runners.venues.venue import Account, Right, Venue

CHECKS: Final = ("venue", "clock", "market rules", "key")
_DEADLINE_S: Final = 10.0
_RULES: Final = ("tick_size", "lot_size", "min_quantity", "min_notional")

Keys = tuple[Secret, Secret]


async def venue_findings(config: AppConfig, keys: Keys | None) -> tuple[Finding, ...]:
    """Return what the configured venue says; without an answer the rest is not asked."""
    name = config.exchange.venue
    if name == SIMULATED_VENUE:
        return tuple(skipped(check, "the venue is simulated, within the agent") for check in CHECKS)
    venue = VENUES.get(name)
    if venue is None:
        known = ", ".join((SIMULATED_VENUE, *VENUES))
        return (red("venue", f"{name!r} is not known", f"Set exchange.venue to one of: {known}."),)
    try:
        return await _reached(config, venue, keys)
    except ConfigError as error:
        said, _, remedy = error.problems[0].partition(". ")
        return (red("key", said, remedy), *await _reached(config, venue, None))


async def _reached(config: AppConfig, venue: Venue, keys: Keys | None) -> tuple[Finding, ...]:
    """Ask with *keys*; raise `ConfigError` where they cannot be used now."""
    exchange = config.exchange
    account = Account(
        rest_url=exchange.rest_url,
        stream_url=exchange.stream_url,
        api_key=keys[0].reveal() if keys else "",
        api_secret=keys[1].reveal() if keys else "",
    )
    async with HttpTransport(timeout_s=_DEADLINE_S) as transport:
        with venue.connect(
            config,
            account,
            Right.TRADE if keys else Right.NOTHING,
            transport=transport,
            clock=SystemClock(),
            keep=nonce_folder(),
        ) as connection:
            return await _asked(config, connection.reference, keys)


async def _asked(config: AppConfig, venue: VenueReference, keys: Keys | None) -> tuple[Finding, ...]:
    url = config.exchange.rest_url
    try:
        measured = await venue.measure_clock()
    except MevaError as error:
        remedy = "Check the network, exchange.rest_url, and the venue's status page."
        first = red("venue", f"{url} does not answer: {error}", remedy)
        return (first, *(skipped(check, "the venue does not answer") for check in CHECKS[1:]))
    return (
        green("venue", f"{url} answers"),
        _clock(measured.offset_ns / NS_PER_MS, config.risk.max_clock_offset_ms),
        await rules_finding(config, venue),
        await _key(config, venue) if keys else skipped("key", "no key is configured, or it cannot be read"),
    )


def _clock(offset_ms: float, bound_ms: int) -> Finding:
    """Judge the offset of our clock from the venue's."""
    said = f"the venue's clock is {offset_ms:+.0f} ms off ours; at most {bound_ms} ms are allowed"
    if abs(offset_ms) > bound_ms:
        return red("clock", said, "Switch time synchronisation on (chrony or systemd-timesyncd).")
    return green("clock", said)


async def rules_finding(config: AppConfig, venue: VenueReference) -> Finding:
    """Judge whether the configured grids are the venue's."""
    ours = [item.instrument() for item in config.exchange.instruments]
    try:
        theirs = await venue.instruments([item.symbol for item in ours])
    except MevaError as error:
        remedy = "Check exchange.instruments against the venue's list of symbols."
        refused = [item.symbol for item in ours if await _is_refused(venue, item.symbol)]
        what = f"its rules of {', '.join(refused)}" if refused else "its rules"
        return red("market rules", f"the venue does not tell {what}: {str(error).rstrip('.')}", remedy)
    wrong = [text for pair in zip(ours, theirs, strict=True) for text in _differences(*pair)]
    if wrong:
        return red("market rules", "; ".join(wrong), "Write the venue's numbers into exchange.instruments.")
    return green("market rules", ", ".join(item.symbol for item in ours))


async def _is_refused(venue: VenueReference, symbol: str) -> bool:
    """Return whether the venue refuses to tell of this one: it spoils the question for all."""
    try:
        await venue.instruments([symbol])
    except VenueRefusedError:
        return True
    except VenueUnknownError:
        return False
    return False


def _differences(ours: Instrument, theirs: Instrument) -> Iterator[str]:
    for name in _RULES:
        here, there = getattr(ours, name), getattr(theirs, name)
        if here != there:
            yield f"{ours.symbol} {name} is {here:f} here and {there:f} at the venue"


async def _key(config: AppConfig, venue: VenueReference) -> Finding:
    """Judge what the key may do: trade where the mode trades, and never withdraw."""
    try:
        facts = await venue.account_facts()
    except MevaError as error:
        remedy = "Check the key, its secret, its list of allowed addresses, and that it may read."
        return red("key", f"the venue refuses the key: {error}", remedy)
    if facts.can_withdraw:
        said = f"account {facts.account_id} may withdraw with this key"
        return red("key", said, "Make a key that can read and trade, and nothing else.")
    if needs_trading_key(config) and not facts.can_trade:
        said = f"account {facts.account_id} may not trade with this key"
        return red("key", said, "Allow spot trading for this key, and nothing more.")
    if needs_trading_key(config) and facts.account_id != config.exchange.account_id:
        configured = repr(config.exchange.account_id) if config.exchange.account_id else "not set"
        said = f"the key belongs to account {facts.account_id}, exchange.account_id is {configured}"
        return red(
            "key",
            said,
            "Write it down if this is the account you mean; otherwise use the other account's key.",
        )
    trades = "may trade" if facts.can_trade else "may read"
    return green("key", f"account {facts.account_id} {trades} and cannot withdraw")
