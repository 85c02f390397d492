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
from meva_core.model.instrument import Instrument
from meva_runners.composition import instruments_of
from meva_runners.trading.recovered import LastMarket, Recovered
from meva_runners.trading.venue_link import Account

_START_PRICES: Final = {listed.instrument.symbol: listed.start_price for listed in DEFAULT_MARKETS}
_PRICE_OF_OTHERS: Final = Decimal(100)


def embedded_venue(config: AppConfig, before: Recovered | None = None) -> VenueServer:
    """Return a venue that lists the configured instruments and holds the configured balances; it is not started.

    Where the session goes on, the venue goes on too: with the account, the orders, the prices and the numbers *before*.
    """
    fees = config.exchange.fees
    last = {} if before is None else before.markets
    venue = VenueServer(
        VenueSettings(
            markets=tuple(_listed(item, last.get(symbol)) for symbol, item in instruments_of(config).items()),
            accounts=(AccountSettings(DEFAULT_KEY, DEFAULT_SECRET, config.exchange.balances),),
            fees=FeeSchedule(fees.maker_bps, fees.taker_bps, fees.paid_in),
            seed=config.seed
            if before is None
            else config.seed + before.events,  # The same moves do not come again.
        )
    )
    if before is not None:
        venue.exchange.accounts[DEFAULT_KEY].take_over(before.standing)
    return venue


def _listed(instrument: Instrument, last: LastMarket | None) -> ListedMarket:
    if last is None:
        return ListedMarket(instrument, _START_PRICES.get(instrument.symbol, _PRICE_OF_OTHERS))
    return ListedMarket(instrument, last.price, first_id=last.number + 1)


def account_at(venue: VenueServer) -> Account:
    """Return the one account of *venue*, once it listens."""
    return Account(
        rest_url=venue.url,
        stream_url=venue.ws_url,
        ws_api_url=f"{venue.ws_url}/ws-api/v3",
        api_key=DEFAULT_KEY,
        api_secret=DEFAULT_SECRET,
    )
