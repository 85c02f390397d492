"""Trade on paper: at a simulated venue beside the agent, or on a real venue's market with fills made up here."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from meva_adapters.clock.system import SystemClock
from meva_adapters.transport.http import HttpTransport
from meva_runners.strategy_loading import configured_strategies
from meva_runners.trading.command import loaded, recorded, trade
from meva_runners.trading.embedded_venue import account_at, embedded_venue
from meva_runners.trading.market_only import MarketPlace, market_link, public_calls
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.preflight import confirm_market
from meva_runners.trading.recovered import recovered
from meva_runners.trading.sessions import kept_session
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.trading.venue_link import binance_link

# What makes a session a paper session. The embedded venue speaks like Binance, so its guarantees are Binance's; what
# is filled in this process needs none.
_EMBEDDED: Final = ("mode=paper", "exchange.venue=binance")
_MARKET_ONLY: Final = ("mode=paper", "exchange.venue=simulated")
# Where Binance has its streams (web socket streams, general information).
_STREAMS: Final = {
    "api.binance.com": "wss://stream.binance.com:9443",
    "data-api.binance.vision": "wss://data-stream.binance.vision",
}


async def trade_on_paper(options: TradingOptions) -> int:
    """Trade until the end, and return the exit status."""
    return await (_on_a_real_market(options) if options.market_url else _at_the_embedded_venue(options))


async def _at_the_embedded_venue(options: TradingOptions) -> int:
    settings = loaded(options, *_EMBEDDED)
    config = settings.config
    strategies = configured_strategies(config, settings.origins)
    with kept_session(options.session, settings) as (session, opened), recorded(options, config) as record:
        before = recovered(session, opened.config, strategies)
        async with embedded_venue(opened.config, before) as venue, HttpTransport() as transport:
            link = binance_link(
                opened.config,
                account_at(venue),
                transport,
                SystemClock(),
                name="the embedded venue",
                anomalies=VenueAnomalies(SystemClock()),
                record=record,
            )
            return await trade(options, opened, strategies, link, session)


async def _on_a_real_market(options: TradingOptions) -> int:
    settings = loaded(options, *_MARKET_ONLY)
    config = settings.config
    strategies = configured_strategies(config, settings.origins)
    place = market_place(options.market_url, options.stream_url)
    async with HttpTransport() as transport:
        anomalies = VenueAnomalies(SystemClock())
        calls = public_calls(place, transport, anomalies=anomalies)
        with (
            kept_session(options.session, settings) as (session, opened),
            recorded(options, config) as record,
        ):
            link = market_link(
                opened.config,
                calls,
                transport,
                stream_url=place.stream_url,
                name=f"the market of {place.rest_url}",
                anomalies=anomalies,
                record=record,
                before=recovered(session, opened.config, strategies),
            )
            await confirm_market(config, link.reference, name=link.name)
            return await trade(options, opened, strategies, link, session)


def market_place(rest_url: str, stream_url: str = "") -> MarketPlace:
    """Return where the market at *rest_url* is followed; without *stream_url* at Binance's place, or the same host."""
    parts = urlsplit(rest_url)
    same_host = f"{'ws' if parts.scheme == 'http' else 'wss'}://{parts.netloc}"
    return MarketPlace(
        rest_url=rest_url, stream_url=stream_url or _STREAMS.get(parts.hostname or "", same_host)
    )
