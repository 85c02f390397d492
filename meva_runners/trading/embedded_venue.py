"""Make the simulated venue that paper trading starts when it is given none: on loopback, with play money."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import frozen

from meva_adapters.venue.kraken.rows import order_number, trade_number
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SECRET
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
from meva_runners.trading.recovered import PLAIN, LastMarket, Numbers, Recovered
from meva_runners.venues.venue import Account

_START_PRICES: Final = {
    listed.instrument.symbol: listed.start_price for listed in (*DEFAULT_MARKETS, *KRAKEN_MARKETS)
}
_PRICE_OF_OTHERS: Final = Decimal(100)


@frozen(kw_only=True)
class Embedded:
    """Describe how the venue that speaks like one of ours is made, and what an account there is settled by.

    *settings* are the overrides that a paper session at it is recorded with, so that its guarantees are known.
    *numbers* are behind its ids: a later process makes it again as a session knew it.
    """

    server: type[VenueServer]
    secret: str
    settings: tuple[str, ...]
    numbers: Numbers = PLAIN


def _order_number(txid: str) -> int:
    number = order_number(txid)
    assert number is not None, "the venue wrote it"
    return number


EMBEDDED: Final[Mapping[str, Embedded]] = {
    "binance": Embedded(server=VenueServer, secret=DEFAULT_SECRET, settings=("exchange.venue=binance",)),
    # The adapter has its orders charged in the quote asset, for the venue's list of trades names no other.
    "kraken": Embedded(
        server=KrakenServer,
        secret=KRAKEN_SECRET,
        settings=("exchange.venue=kraken", "exchange.fees.paid_in=quote", "exchange.tier=pro"),
        numbers=Numbers(_order_number, trade_number),
    ),
}


def embedded_venue(config: AppConfig, before: Recovered | None = None) -> VenueServer:
    """Return a venue that lists the configured instruments and holds the configured balances; it is not started.

    Where the session goes on, the venue goes on too: with the account, the orders, the prices and the numbers *before*.
    """
    fees, embedded = config.exchange.fees, EMBEDDED[config.exchange.venue]
    last = {} if before is None else before.markets
    venue = embedded.server(
        VenueSettings(
            markets=tuple(_listed(item, last.get(symbol)) for symbol, item in instruments_of(config).items()),
            accounts=(AccountSettings(DEFAULT_KEY, embedded.secret, config.exchange.balances),),
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
    [settings] = venue.settings.accounts
    return Account(
        rest_url=venue.url,
        stream_url=venue.public_ws_url,
        ws_api_url=venue.private_ws_url,
        api_key=settings.key,
        api_secret=settings.secret,
    )
