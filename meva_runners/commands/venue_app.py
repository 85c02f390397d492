"""Start the simulated venue as the options ask for, and stop it cleanly on a signal."""

from __future__ import annotations

import asyncio
import base64
import heapq
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import click
from attrs import evolve

from meva_adapters.feed.open_tape import open_tape
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_SETTINGS
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS, VenueSettings
from meva_core.errors import ConfigError, DataError
from meva_core.events import BookChanged, MarketEvent, QuoteReceived, TradeReceived
from meva_core.ports.market_feed import EventBlock
from meva_runners.commands.venue_options import VenueOptions

_NS_PER_S: Final = 1_000_000_000
_EVENTS_AT_ONCE: Final = 100
_SHORTEST_WAIT_S: Final = 0.001  # Shorter ones are made up for by the next.


def serve(options: VenueOptions) -> None:
    """Serve until a signal says stop."""
    asyncio.run(_serve(options))


def settings_from(options: VenueOptions) -> VenueSettings:
    """Return the settings that the options describe; raise `ConfigError` naming all that is wrong."""
    problems: list[str] = []
    balances: dict[str, Decimal] = {}
    for text in options.balance:
        asset, _, amount = text.partition("=")
        try:
            balances[asset] = Decimal(amount)
        except InvalidOperation:
            problems.append(f"--balance: got {text!r}. Expected ASSET=AMOUNT, such as USDT=1000000.")
    if len(options.key) != len(options.secret):
        problems.append(
            f"--key and --secret: got {len(options.key)} and {len(options.secret)}. Expected a secret per key."
        )
    is_kraken = options.like == "kraken"
    if is_kraken:
        problems += [
            "--secret: no base64, as Kraken's secrets are. Try: openssl rand -base64 64"
            for secret in options.secret
            if not _is_base64(secret)
        ]
        if options.tape:
            problems.append(
                "--tape: a venue like Kraken makes its own markets up. Leave it out, or use --like binance."
            )
    if problems:
        raise ConfigError(tuple(problems))
    base = KRAKEN_SETTINGS if is_kraken else VenueSettings()
    [first] = base.accounts
    keys = zip(options.key, options.secret, strict=True)
    opened = [evolve(first, key=key, secret=secret) for key, secret in keys] or [first]
    held: Mapping[str, Decimal] = balances or first.balances
    return evolve(
        base,
        host=options.host,
        port=options.port,
        accounts=tuple(evolve(account, balances=held) for account in opened),
        seed=options.seed,
    )


def _is_base64(secret: str) -> bool:
    try:
        return bool(base64.b64decode(secret, validate=True))
    except ValueError:
        return False


async def _serve(options: VenueOptions) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    feed = tape_events(options.tape, options.speed) if options.tape else None
    server = KrakenServer if options.like == "kraken" else VenueServer
    async with server(settings_from(options), feed=feed) as venue:
        click.echo(f"listening on {venue.url}")
        sys.stdout.flush()  # Whoever reads it through a pipe waits for this line.
        await venue.wait(stopped)


async def tape_events(paths: tuple[Path, ...], speed: float) -> AsyncIterator[MarketEvent]:
    """Yield the events of recordings in the order of their times, at *speed* times their pace."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    first_ns: int | None = None
    events = heapq.merge(*(_recorded(str(path)) for path in paths), key=lambda event: event.time_ns)
    for number, event in enumerate(events):
        first_ns = event.time_ns if first_ns is None else first_ns
        wait_s = started + (event.time_ns - first_ns) / _NS_PER_S / speed - loop.time()
        if wait_s > _SHORTEST_WAIT_S or number % _EVENTS_AT_ONCE == 0:
            await asyncio.sleep(max(0, wait_s))  # However fast the tape, clients are served in between.
        yield event


def _recorded(path: str) -> Iterator[MarketEvent]:
    instruments = {listed.instrument.symbol: listed.instrument for listed in DEFAULT_MARKETS}
    for block in open_tape(path, symbol=None, instruments=instruments).blocks():
        if not isinstance(block, EventBlock):
            raise DataError(path, 0, "it holds no frames.", "Give recorded frames: `<receive ns> <JSON>`.")
        for event in block.events:
            if isinstance(event, TradeReceived | QuoteReceived | BookChanged):
                yield event
