"""Keep what one market of the venue shows: status, filters, book, trades, bars; match no order of ours."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Final

from attrs import define, evolve, frozen

from meva_adapters.venue.bars import INTERVALS, Bar, BarSeries
from meva_adapters.venue.settings import ListedMarket
from meva_core.events import BookChanged, QuoteReceived, TradeReceived
from meva_core.execution.visible_book import VisibleBook
from meva_core.model.market import Side
from meva_core.model.money import EXACT, ZERO

TRADES_KEPT: Final = 2_000  # Two pages of the longest answer: at four trades a second, eight minutes.
TRADING: Final = "TRADING"
_DAY_MS: Final = 86_400_000
_MEAN_MS: Final = 300_000  # The filters and `avgPrice` use the mean of five minutes.

Level = tuple[int, int]


@frozen
class PublicTrade:
    """Hold one printed trade."""

    id: int
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    time_ms: int
    is_buyer_maker: bool


@frozen
class Quote:
    """Hold the best bid and ask, in ticks and lots, at one update of the book."""

    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


@define
class Rules:
    """Hold the filters in force; a fault may change them while the grid of the engine stays."""

    tick_size: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal
    max_price: Decimal
    max_orders: int = 200


class DepthCollector:
    """Collect what the book changed until a depth stream is due."""

    def __init__(self) -> None:
        self.first_id = 0
        self.last_id = 0
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def add(self, change: BookChanged) -> None:
        """Take one change in; the values are absolute, so the latest wins."""
        if not self.first_id:
            self.first_id = change.first_update_id
        self.last_id = change.last_update_id
        self.bids.update(change.bids)
        self.asks.update(change.asks)

    def clear(self) -> None:
        """Begin anew."""
        self.first_id = 0
        self.bids, self.asks = {}, {}


class Market:
    """Follow one listed market from the events of its feed."""

    def __init__(self, listed: ListedMarket) -> None:
        instrument = listed.instrument
        self.instrument = instrument
        self.name = instrument.base + instrument.quote
        self.status = TRADING
        self.rules = Rules(
            tick_size=instrument.tick_size,
            step_size=instrument.lot_size,
            min_quantity=max(instrument.min_quantity, instrument.lot_size),
            max_quantity=instrument.max_quantity or Decimal(1_000_000_000),
            min_notional=instrument.min_notional,
            max_notional=instrument.max_notional or Decimal(1_000_000_000),
            max_price=listed.max_price,
        )
        self.listed_rules = evolve(self.rules)
        self.book = VisibleBook()
        self.update_id = 0
        self.quote: Quote | None = None
        self.trades: deque[PublicTrade] = deque(maxlen=TRADES_KEPT)
        self.series = {interval: BarSeries(interval) for interval in INTERVALS}
        self.depth_100ms = DepthCollector()
        self.depth_1s = DepthCollector()
        self.depth_to_drop = 0
        self.depth_to_cross = 0

    def on_trade(self, event: TradeReceived, now_ms: int) -> PublicTrade:
        """Take a trade in and return it as it is printed."""
        price = self.instrument.price(event.price_ticks)
        quantity = self.instrument.quantity(event.quantity_lots)
        worth = EXACT.multiply(price, quantity)
        last_id = self.trades[-1].id if self.trades else 0
        trade_id = event.trade_id if event.trade_id > last_id else last_id + 1
        is_sell = event.taker_side is Side.SELL
        trade = PublicTrade(trade_id, price, quantity, worth, now_ms, is_sell)
        self.trades.append(trade)
        taker, taker_quote = (ZERO, ZERO) if is_sell else (quantity, worth)
        part = Bar(
            now_ms,
            now_ms,
            price,
            price,
            price,
            price,
            quantity,
            worth,
            1,
            taker,
            taker_quote,
            trade_id,
            trade_id,
        )
        for series in self.series.values():
            series.merge(part)
        return trade

    def on_book(self, change: BookChanged) -> None:
        """Take a change of the book in."""
        self.book.apply(change)
        if self.book.known:  # What comes before the first snapshot is in no book yet.
            self.update_id = self.book.last_update_id
        if not change.snapshot:
            self.depth_100ms.add(change)
            self.depth_1s.add(change)

    def on_quote(self, quote: QuoteReceived) -> Quote:
        """Take the best bid and ask in."""
        self.book.apply_quote(quote)
        self.quote = Quote(
            quote.update_id if quote.update_id >= 0 else self.update_id,
            quote.bid_ticks,
            quote.bid_lots,
            quote.ask_ticks,
            quote.ask_lots,
        )
        if not self.book.has_depth:
            self.update_id = self.quote.update_id
        return self.quote

    def levels(self, limit: int) -> tuple[list[Level], list[Level]]:
        """Return bids and asks, best first, at most *limit* each."""
        bids = sorted(self.book.bids.levels.items(), reverse=True)[:limit]
        return bids, sorted(self.book.asks.levels.items())[:limit]

    def best(self) -> Quote:
        """Return the best bid and ask of the book as it stands; 0 where a side is empty."""
        bids, asks = self.book.bids, self.book.asks
        return Quote(
            self.update_id, bids.best, bids.levels.get(bids.best, 0), asks.best, asks.levels.get(asks.best, 0)
        )

    def last_price(self) -> Decimal | None:
        """Return the price of the last trade, None before the first."""
        bars = self.series["1m"].bars
        return bars[-1].close if bars else None

    def mean_price(self, now_ms: int) -> Decimal | None:
        """Return the volume-weighted mean of five minutes, else the last price, None before any trade."""
        recent = [bar for bar in self.series["1m"].bars if bar.close_ms > now_ms - _MEAN_MS]
        volume = sum((bar.volume for bar in recent), ZERO)
        if not volume:
            return self.last_price()
        return sum((bar.quote_volume for bar in recent), ZERO) / volume

    def day(self, now_ms: int) -> list[Bar]:
        """Return the minutes of the last 24 hours that are kept."""
        series = self.series["1m"]
        series.roll(now_ms)
        return [bar for bar in series.bars if bar.open_ms > now_ms - _DAY_MS]
