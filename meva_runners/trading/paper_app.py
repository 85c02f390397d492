"""Trade on paper: at a simulated venue beside the agent, or on a real venue's market with fills made up here."""

from __future__ import annotations

from typing import Final

from meva_adapters.clock.system import SystemClock
from meva_adapters.transport.http import HttpTransport
from meva_runners.strategy_loading import configured_strategies
from meva_runners.trading.command import loaded, recorded, trade
from meva_runners.trading.embedded_venue import EMBEDDED, account_at, embedded_venue
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.preflight import confirm_market
from meva_runners.trading.recovered import recovered
from meva_runners.trading.sessions import kept_session
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.trading.venue_link import market_link, trading_link
from meva_runners.venues.registry import VENUES, name_at
from meva_runners.venues.venue import Account, Right

_PAPER: Final = "mode=paper"
# What is filled in this process needs no guarantees of a venue.
_MARKET_ONLY: Final = (_PAPER, "exchange.venue=simulated")
_USUAL: Final = "binance"


async def trade_on_paper(options: TradingOptions) -> int:
    """Trade until the end, and return the exit status."""
    name = spoken(options)
    if options.market_url:
        return await _on_a_real_market(options, name)
    return await _at_the_embedded_venue(options, name)


def spoken(options: TradingOptions) -> str:
    """Return which venue's language is spoken: what is asked for, what the address says, or what is configured."""
    named = options.like or name_at(options.market_url)
    configured = named or loaded(options, _PAPER).config.exchange.venue
    return configured if configured in VENUES else _USUAL


async def _at_the_embedded_venue(options: TradingOptions, name: str) -> int:
    settings = loaded(options, _PAPER, *EMBEDDED[name].settings)
    config = settings.config
    strategies, anomalies = configured_strategies(config, settings.origins), VenueAnomalies(SystemClock())
    kept = kept_session(options.session, settings)
    with kept as (session, opened), recorded(options, config) as record:
        before = recovered(session, opened.config, strategies, EMBEDDED[name].numbers)
        async with embedded_venue(opened.config, before) as venue, HttpTransport() as transport:
            connected = VENUES[name].connect(
                opened.config,
                account_at(venue),
                Right.TRADE,
                transport=transport,
                clock=SystemClock(),
                on_anomaly=anomalies.note,
            )
            with connected as connection:
                embedded = "the embedded venue"
                link = await trading_link(connection, name=embedded, anomalies=anomalies, record=record)
                return await trade(options, opened, strategies, link, session)


async def _on_a_real_market(options: TradingOptions, name: str) -> int:
    settings = loaded(options, *_MARKET_ONLY)
    config = settings.config
    strategies, anomalies = configured_strategies(config, settings.origins), VenueAnomalies(SystemClock())
    async with HttpTransport() as transport:
        connected = VENUES[name].connect(
            config,
            market_place(options, name),
            Right.NOTHING,
            transport=transport,
            clock=SystemClock(),
            on_anomaly=anomalies.note,
        )
        with connected as connection:
            market = f"the market of {options.market_url}"
            await confirm_market(config, connection.reference, name=market)
            kept = kept_session(options.session, settings)
            with kept as (session, opened), recorded(options, config) as record:
                link = await market_link(
                    opened.config,
                    connection,
                    name=market,
                    anomalies=anomalies,
                    record=record,
                    before=recovered(session, opened.config, strategies),
                )
                return await trade(options, opened, strategies, link, session)


def market_place(options: TradingOptions, name: str) -> Account:
    """Return where everybody may follow the market that *options* name, its streams at the usual place or as given."""
    url = options.market_url
    return Account(rest_url=url, stream_url=options.stream_url or VENUES[name].streams_at(url))
