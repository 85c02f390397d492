"""Make the simulated venue that paper trading starts when it is given none: on loopback, with play money."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import (
    DEFAULT_KEY,
    DEFAULT_MARKETS,
    DEFAULT_SECRET,
    AccountSettings,
    ListedMarket,
    VenueSettings,
)
from meva_core.config.schema import AppConfig
from meva_core.execution.venue_fees import FeeSchedule
from meva_runners.composition import instruments_of
from meva_runners.trading.venue_link import Account

_START_PRICES: Final = {listed.instrument.symbol: listed.start_price for listed in DEFAULT_MARKETS}
_PRICE_OF_OTHERS: Final = Decimal(100)


def embedded_venue(config: AppConfig) -> VenueServer:
    """Return a venue that lists the configured instruments and holds the configured balances; it is not started."""
    fees = config.exchange.fees
    return VenueServer(
        VenueSettings(
            markets=tuple(
                ListedMarket(instrument, _START_PRICES.get(symbol, _PRICE_OF_OTHERS))
                for symbol, instrument in instruments_of(config).items()
            ),
            accounts=(AccountSettings(DEFAULT_KEY, DEFAULT_SECRET, config.exchange.balances),),
            fees=FeeSchedule(fees.maker_bps, fees.taker_bps, fees.paid_in),
            seed=config.seed,
        )
    )


def account_at(venue: VenueServer) -> Account:
    """Return the one account of *venue*, once it listens."""
    return Account(
        rest_url=venue.url,
        stream_url=venue.ws_url,
        ws_api_url=f"{venue.ws_url}/ws-api/v3",
        api_key=DEFAULT_KEY,
        api_secret=DEFAULT_SECRET,
    )
