"""Keep what is known of each market and say whether it may be acted on; run no strategy.

Starting and stopping streams is the runner's work on the `MarketFeed` port; this service applies what arrives.
The mark of a symbol is its last trade or bar close; quotes and books move no mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from meva_core.data.feature_store import FeatureFrame, FeatureStore
from meva_core.data.order_book import BookOutcome, OrderBook
from meva_core.data.quality import JUMP_BPS_MAX, DataProblem, TradeQuality, quote_problem
from meva_core.errors import UnknownSymbolError
from meva_core.events import BookChanged, QuoteReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import MarketSnapshot

_BPS: Final = 10_000


class Market:
    """Hold the latest facts of one symbol, in ticks and lots; 0 ticks stand for "not seen yet".

    *bid_ticks* and *ask_ticks* come from the book once one is fed, else from quotes. A trade with a price between
    *trusted_low* and *trusted_high*, both excluded, is no jump and needs no `trade_problem`; none is while a
    refused jump waits for its confirmation.
    """

    __slots__ = (
        "ask_lots",
        "ask_ticks",
        "bid_lots",
        "bid_ticks",
        "book",
        "instrument",
        "last_ns",
        "last_ticks",
        "last_trade_id",
        "last_update_id",
        "quality",
        "symbol",
        "trusted_high",
        "trusted_low",
    )

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.last_ns = 0
        self.last_ticks = 0
        self.last_trade_id = -1
        self.last_update_id = -1
        self.bid_ticks = self.bid_lots = self.ask_ticks = self.ask_lots = 0
        self.trusted_low = self.trusted_high = 0
        self.book: OrderBook | None = None
        self.quality = TradeQuality()

    @property
    def mark(self) -> Decimal:
        """Return the last price in the quote asset, 0 when none was seen yet."""
        return self.instrument.price(self.last_ticks)

    def trade_problem(self, time_ns: int, price: int, lots: int, trade_id: int) -> DataProblem | None:
        """Return what is wrong with a trade, or remember it as the latest and return `None`."""
        quality = self._show_last()
        problem = quality.problem(time_ns, price, lots, trade_id)
        self.last_trade_id = quality.last_trade_id
        if problem is None:
            self.last_ns = time_ns
            self.last_ticks = price
        self._trust()
        return problem

    def _show_last(self) -> TradeQuality:
        """Show the judge of trades the last one, and return it."""
        quality = self.quality
        quality.last_ns = self.last_ns
        quality.last_price = self.last_ticks
        quality.last_trade_id = self.last_trade_id
        return quality

    def _trust(self) -> None:
        """Set the trusted prices: around the last one, so far that no two of them are a jump apart."""
        if self.quality.is_suspicious:
            self.trusted_low = self.trusted_high = 0
            return
        reach = self.last_ticks * JUMP_BPS_MAX // (2 * _BPS + JUMP_BPS_MAX)
        self.trusted_low, self.trusted_high = self.last_ticks - reach, self.last_ticks + reach

    def apply_quote(self, quote: QuoteReceived) -> DataProblem | None:
        """Take the best bid and ask; return what is wrong with them, then nothing changed."""
        problem = quote_problem(quote.bid_ticks, quote.bid_lots, quote.ask_ticks, quote.ask_lots)
        if problem is None and -1 < quote.update_id < self.last_update_id:
            problem = DataProblem.UPDATE_ID_FELL
        if problem is None:
            self.last_ns = quote.time_ns
            self.last_update_id = max(self.last_update_id, quote.update_id)
            if self.book is None:
                self.bid_ticks, self.bid_lots = quote.bid_ticks, quote.bid_lots
                self.ask_ticks, self.ask_lots = quote.ask_ticks, quote.ask_lots
        return problem

    def apply_book(self, change: BookChanged) -> BookOutcome:
        """Take a snapshot or change of the book, and show its best prices."""
        if self.book is None:
            self.book = OrderBook(self.symbol)
        book = self.book
        outcome = book.apply(change)
        self.last_ns = change.time_ns
        bid, ask = book.best_bid, book.best_ask
        self.bid_ticks, self.bid_lots = bid or (0, 0)
        self.ask_ticks, self.ask_lots = ask or (0, 0)
        return outcome

    def lose_stream(self) -> None:
        """Forget the book and the quote: what follows may not continue them."""
        if self.book is not None:
            self.book.discard()
        self.bid_ticks = self.bid_lots = self.ask_ticks = self.ask_lots = 0

    def is_book_usable(self) -> bool:
        """Return whether the book is synchronised; a market that is fed without one has nothing to doubt."""
        return self.book is None or self.book.synchronised

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        self._show_last()  # What it last saw depends on when it was asked; what it will see does not.
        return {
            "last": [self.last_ns, self.last_ticks, self.last_trade_id, self.last_update_id],
            "quote": [self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots],
            "book": None if self.book is None else self.book.snapshot(),
            "quality": self.quality.snapshot(),
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self.last_ns, self.last_ticks, self.last_trade_id, self.last_update_id = memory["last"]
        self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots = memory["quote"]
        self.book = None
        if memory["book"] is not None:
            self.book = OrderBook(self.symbol)
            self.book.restore(memory["book"])
        self.quality.restore(memory["quality"])
        self._trust()


class MarketDataService:
    """Find the market of a symbol and the features of the strategies that watch it."""

    def __init__(self, instruments: Iterable[Instrument], features: FeatureStore) -> None:
        self._markets = {instrument.symbol: Market(instrument) for instrument in instruments}
        self.features = features

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return every configured symbol, in the order of configuration."""
        return tuple(self._markets)

    def market(self, symbol: str) -> Market:
        """Return the live facts of *symbol*; raise `UnknownSymbolError` where none is configured."""
        try:
            return self._markets[symbol]
        except KeyError:
            raise UnknownSymbolError(symbol, self.symbols) from None

    def get_latest_snapshot(self, symbol: str) -> MarketSnapshot:
        """Return what is known of *symbol* now, as a value that no later event changes."""
        market = self.market(symbol)
        return MarketSnapshot(
            symbol=symbol,
            as_of_ns=market.last_ns,
            last_ticks=market.last_ticks or None,
            bid_ticks=market.bid_ticks or None,
            bid_lots=market.bid_lots or None,
            ask_ticks=market.ask_ticks or None,
            ask_lots=market.ask_lots or None,
            book_synchronised=market.book is not None and market.book.synchronised,
        )

    def get_feature_frame(self, symbol: str, window: int, *, strategy: str | None = None) -> FeatureFrame:
        """Return the last *window* rows of a strategy's features; see `FeatureStore.get`."""
        return self.features.get(symbol, window, strategy=strategy)

    def snapshot(self) -> dict[str, Any]:
        """Return the memory of all markets and features."""
        return {
            "markets": {symbol: market.snapshot() for symbol, market in self._markets.items()},
            "features": self.features.snapshot(),
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned, with the same instruments and strategies."""
        for symbol, market_memory in memory["markets"].items():
            self.market(symbol).restore(market_memory)
        self.features.restore(memory["features"])
