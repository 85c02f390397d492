"""Hold the venue's whole state: clock, markets, accounts, counters, faults; speak no protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from meva_adapters.venue.accounts import BINANCE, Account, Wording
from meva_adapters.venue.errors import ApiError
from meva_adapters.venue.faults import FaultBook
from meva_adapters.venue.market import Market, PublicTrade, Quote
from meva_adapters.venue.settings import VenueSettings
from meva_adapters.venue.weights import OrderCounter, WeightCounter
from meva_core.events import BookChanged, MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.market import NS_PER_MS

_ADDRESSES_MAX: Final = 10_000


class Exchange:
    """Serve one venue. *on_trade*, *on_quote* and *on_book* tell the streams of what the feed brought."""

    def __init__(self, settings: VenueSettings, wording: Wording = BINANCE) -> None:
        self.settings = settings
        self.faults = FaultBook()
        self.clock_offset_ms = 0
        self.on_trade: Callable[[Market, PublicTrade], None] = _nobody
        self.on_quote: Callable[[Market, Quote], None] = _nobody
        self.on_book: Callable[[Market, BookChanged], None] = _nobody
        markets = [Market(listed) for listed in settings.markets]
        self.markets = {market.name: market for market in markets}
        self.accounts = {
            account.key: Account(account, uid=uid, markets=markets, fees=settings.fees, wording=wording)
            for uid, account in enumerate(settings.accounts, start=1)
        }
        self.order_counters = {key: OrderCounter(settings.order_limit_10s) for key in self.accounts}
        self._by_symbol = {market.instrument.symbol: market for market in markets}
        self._weights: dict[str, WeightCounter] = {}
        self._last_ns = 0
        self._names = 0

    def now_ms(self) -> int:
        """Return the time of the venue's clock, which a fault may set wrong."""
        return time.time_ns() // NS_PER_MS + self.clock_offset_ms

    def engine_ns(self) -> int:
        """Return a time for the matching engines, which never goes back."""
        self._last_ns = max(self._last_ns + 1, self.now_ms() * NS_PER_MS)
        return self._last_ns

    def market(self, name: str) -> Market:
        """Return the market called *name*, as in BTCUSDT."""
        try:
            return self.markets[name]
        except KeyError:
            raise ApiError(-1121, "Invalid symbol.") from None

    def weights(self, address: str) -> WeightCounter:
        """Return the counter of one client address."""
        if address not in self._weights and len(self._weights) >= _ADDRESSES_MAX:
            self._weights.pop(next(iter(self._weights)))
        return self._weights.setdefault(address, WeightCounter(self.settings.weight_limit))

    def generated_id(self) -> str:
        """Return a client order id for an order or a cancel that came without one."""
        self._names += 1
        return f"venue{self.now_ms()}x{self._names}"

    def take(self, event: MarketEvent) -> None:
        """Take one event of the feed in: at the venue it happens now, whatever its own time is."""
        market = self._by_symbol.get(event.symbol)
        if market is None:
            return
        now_ms, now_ns = self.now_ms(), self.engine_ns()
        match event:
            case TradeReceived():
                timed: MarketEvent = TradeReceived(
                    now_ns, event.symbol, event.price_ticks, event.quantity_lots, event.taker_side
                )
                trade = market.on_trade(event, now_ms)
                self.on_trade(market, trade)
            case BookChanged():
                timed = BookChanged(
                    now_ns,
                    event.symbol,
                    event.snapshot,
                    event.first_update_id,
                    event.last_update_id,
                    event.bids,
                    event.asks,
                )
                market.on_book(event)
                self.on_book(market, event)
            case QuoteReceived():
                timed = QuoteReceived(
                    now_ns,
                    event.symbol,
                    event.bid_ticks,
                    event.bid_lots,
                    event.ask_ticks,
                    event.ask_lots,
                    event.update_id,
                )
                self.on_quote(market, market.on_quote(event))
            case _:
                raise TypeError(event)
        for account in self.accounts.values():
            account.on_market(timed, now_ms)


def _nobody(_market: Market, _what: object) -> None:
    """Stand in until streams listen."""
