"""Find markets by any of the names that Kraken gives a pair, and write their rules; change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from meva_adapters.venue.kraken.errors import UNKNOWN_PAIR, KrakenError
from meva_adapters.venue.kraken.rows import pair_key
from meva_adapters.venue.market import TRADING, Level, Market
from meva_adapters.venue.rows import Json
from meva_adapters.wire.kraken_names import rest_asset, rest_pair, short_asset
from meva_core.model.instrument import Instrument
from meva_core.model.money import decimals_of, plain

ONLINE: Final = "online"
_CANCEL_ONLY: Final = "cancel_only"


class Pairs:
    """Hold the markets of one venue by name, and the state of the venue as a whole."""

    def __init__(self, markets: Iterable[Market]) -> None:
        self.markets = tuple(markets)
        self.system = ONLINE
        self._by_rest_name = {
            name: market
            for market in self.markets
            for name in (pair_key(market.instrument), rest_pair(market.instrument.symbol))
        }
        self._by_symbol = {market.instrument.symbol: market for market in self.markets}

    def market(self, name: str) -> Market:
        """Return the market that REST calls *name*."""
        try:
            return self._by_rest_name[name]
        except KeyError:
            raise KrakenError(UNKNOWN_PAIR) from None

    def of_symbol(self, symbol: object) -> Market | None:
        """Return the market that the WebSocket calls *symbol*."""
        return self._by_symbol.get(symbol) if isinstance(symbol, str) else None


def rules(market: Market) -> Json:
    """Return the rules in force, as `AssetPairs` does."""
    instrument, in_force = market.instrument, market.rules
    base, quote = short_asset(instrument.base), short_asset(instrument.quote)
    return {
        "altname": rest_pair(instrument.symbol),
        "wsname": f"{base}/{quote}",
        "aclass_base": "currency",
        "base": rest_asset(instrument.base),
        "aclass_quote": "currency",
        "quote": rest_asset(instrument.quote),
        "pair_decimals": price_decimals(instrument),
        "cost_decimals": 5,
        "lot_decimals": instrument.quantity_decimals,
        "lot_multiplier": 1,
        "fees": [[0, Decimal("0.4")]],
        "fees_maker": [[0, Decimal("0.25")]],
        "fee_volume_currency": "ZUSD",
        "ordermin": plain(in_force.min_quantity),
        "costmin": plain(in_force.min_notional),
        "tick_size": plain(in_force.tick_size),
        "status": ONLINE if market.status == TRADING else _CANCEL_ONLY,
    }


def price_decimals(instrument: Instrument) -> int:
    """Return how many decimals prices are written with."""
    return decimals_of(instrument.tick_size)


def written(instrument: Instrument, level: Level) -> tuple[Decimal, Decimal]:
    """Return price and size of a level with all the decimals of the pair."""
    price, quantity = instrument.price(level[0]), instrument.quantity(level[1])
    return price.quantize(instrument.tick_size), quantity.quantize(instrument.lot_size)
