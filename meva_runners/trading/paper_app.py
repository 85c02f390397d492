"""Trade on paper: at a simulated venue that is started beside the agent, reached as a real one is."""

from __future__ import annotations

from loguru import logger

from meva_adapters.clock.system import SystemClock
from meva_adapters.transport.http import HttpTransport
from meva_runners.strategy_loading import configured_strategies
from meva_runners.trading.command import loaded, trade
from meva_runners.trading.embedded_venue import account_at, embedded_venue
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.sessions import new_session
from meva_runners.trading.venue_link import binance_link

# What makes a session a paper session; the venue speaks like Binance, so its guarantees are Binance's.
_PAPER = ("mode=paper", "exchange.venue=binance")


async def trade_on_paper(options: TradingOptions) -> int:
    """Trade until the end, and return the exit status."""
    settings = loaded(options, *_PAPER)
    strategies = configured_strategies(settings.config, settings.origins)
    async with embedded_venue(settings.config) as venue, HttpTransport() as transport:
        link = binance_link(
            settings.config,
            account_at(venue),
            transport,
            SystemClock(),
            name="the embedded venue",
            on_anomaly=note_anomaly,
        )
        with new_session(options.session, settings) as session:
            return await trade(options, settings, strategies, link, session)


def note_anomaly(detail: str) -> None:
    """Log what a venue said and nobody understood."""
    logger.bind(category="market_data", detail=detail).warning("venue.anomaly")
