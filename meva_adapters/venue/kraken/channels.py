"""Make what the market channels of Kraken's WebSocket v2 send: trades, best quotes, books with checksums, bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from meva_adapters.venue.bars import Bar
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.kraken.pairs import Pairs, price_decimals, written
from meva_adapters.venue.kraken.public_calls import mean_price
from meva_adapters.venue.kraken.rows import moment
from meva_adapters.venue.market import Level, Market, PublicTrade, Quote
from meva_adapters.venue.rows import Json
from meva_adapters.wire.kraken_book import KrakenBook
from meva_adapters.wire.kraken_market import TIMEFRAMES
from meva_core.events import BookChanged
from meva_core.model.instrument import Instrument

# Channel, symbol, and its depth or interval in minutes; 0 for channels that have neither.
Topic = tuple[str, str, int]

_DEPTHS: Final = (10, 25, 100, 500, 1_000)
_FRAMES: Final = {minutes: name for name, minutes in TIMEFRAMES.items()}
_BARS_TOLD: Final = 10


class Channels:
    """Turn what the feed brings into messages, and hand them to *publish*."""

    def __init__(self, exchange: Exchange, pairs: Pairs) -> None:
        self.publish: Callable[[Topic, Callable[[], Any]], None] = lambda _topic, _make: None
        self._exchange = exchange
        self.pairs = pairs
        self._shown: dict[Topic, tuple[dict[int, int], dict[int, int]]] = {}
        exchange.on_trade = self._on_trade
        exchange.on_quote = self._on_quote
        exchange.on_book = self._on_book

    def topic(self, channel: str, symbol: object, params: Mapping[str, Any]) -> Topic | None:
        """Return what a subscription asks for, None where there is no such thing."""
        market = self.pairs.of_symbol(symbol)
        if market is None:
            return None
        name = market.instrument.symbol
        match channel:
            case "trade" | "ticker":
                return channel, name, 0
            case "book":
                depth = params.get("depth", _DEPTHS[0])
                return (channel, name, depth) if depth in _DEPTHS else None
            case "ohlc":
                minutes = params.get("interval")
                return (channel, name, minutes) if isinstance(minutes, int) and minutes in _FRAMES else None
            case _:
                return None

    def snapshot(self, topic: Topic) -> Json | None:
        """Return the message with which a subscription begins."""
        channel, symbol, size = topic
        market = self.pairs.of_symbol(symbol)
        assert market is not None, "a topic names a market"
        match channel:
            case "book":
                bids, asks = market.levels(size)
                self._shown[topic] = (dict(bids), dict(asks))
                return self._book(market, "snapshot", (bids, asks), size)
            case "ohlc":
                series = market.series[_FRAMES[size]]
                series.roll(self._exchange.now_ms())
                return self._ohlc(market, "snapshot", list(series.bars)[-_BARS_TOLD:], size)
            case "ticker":
                return self._ticker(market, "snapshot", market.best())
            case _:
                return None

    def _on_trade(self, market: Market, trade: PublicTrade) -> None:
        symbol = market.instrument.symbol

        def made() -> Json:
            row = {
                "symbol": symbol,
                "side": "sell" if trade.is_buyer_maker else "buy",
                "price": trade.price,
                "qty": trade.quantity,
                "ord_type": "market",
                "trade_id": trade.id,
                "timestamp": moment(trade.time_ms),
            }
            return {"channel": "trade", "type": "update", "data": [row]}

        self.publish(("trade", symbol, 0), made)
        for minutes, frame in _FRAMES.items():
            self.publish(("ohlc", symbol, minutes), self._newest_bar(market, frame, minutes))

    def _newest_bar(self, market: Market, frame: str, minutes: int) -> Callable[[], Json]:
        return lambda: self._ohlc(market, "update", [market.series[frame].bars[-1]], minutes)

    def _on_quote(self, market: Market, quote: Quote) -> None:
        topic = ("ticker", market.instrument.symbol, 0)
        self.publish(topic, lambda: self._ticker(market, "update", quote))

    def _on_book(self, market: Market, _change: BookChanged) -> None:
        dropped = market.depth_to_drop > 0
        market.depth_to_drop -= dropped
        for topic, shown in list(self._shown.items()):
            if topic[1] != market.instrument.symbol:
                continue
            bids, asks = market.levels(topic[2])
            changes = (
                _changes(shown[0], dict(bids), market.book.bids.levels),
                _changes(shown[1], dict(asks), market.book.asks.levels),
            )
            self._shown[topic] = (dict(bids), dict(asks))
            if any(changes) and not dropped:
                self.publish(topic, partial(self._book, market, "update", changes, topic[2]))

    def _book(self, market: Market, kind: str, sides: tuple[list[Level], list[Level]], depth: int) -> Json:
        instrument = market.instrument
        bids, asks = ([_level(instrument, level) for level in side] for side in sides)
        row = {
            "symbol": instrument.symbol,
            "bids": bids,
            "asks": asks,
            "checksum": _checksum(market, depth),
            "timestamp": moment(self._exchange.now_ms()),
        }
        return {"channel": "book", "type": kind, "data": [row]}

    def _ticker(self, market: Market, kind: str, quote: Quote) -> Json:
        instrument = market.instrument
        bid, bid_size = written(instrument, (quote.bid_ticks, quote.bid_lots))
        ask, ask_size = written(instrument, (quote.ask_ticks, quote.ask_lots))
        row = {
            "symbol": instrument.symbol,
            "bid": bid,
            "bid_qty": bid_size,
            "ask": ask,
            "ask_qty": ask_size,
            "last": market.last_price() or bid,
        }
        return {"channel": "ticker", "type": kind, "data": [row]}

    def _ohlc(self, market: Market, kind: str, bars: list[Bar], minutes: int) -> Json:
        rows = [
            {
                "symbol": market.instrument.symbol,
                "open": bar.open,
                "high": bar.high,
                "low": bar.low,
                "close": bar.close,
                "trades": bar.count,
                "volume": bar.volume,
                "vwap": mean_price(bar),
                "interval_begin": moment(bar.open_ms),
                "interval": minutes,
            }
            for bar in bars
        ]
        return {"channel": "ohlc", "type": kind, "data": rows}


def _changes(shown: dict[int, int], now: dict[int, int], whole: Mapping[int, int]) -> list[Level]:
    """Return what a client must be told: it cuts levels that fell off the end by itself."""
    removed = [(price, 0) for price in shown if price not in now and price not in whole]
    return removed + [(price, size) for price, size in now.items() if shown.get(price) != size]


def _level(instrument: Instrument, level: Level) -> dict[str, Decimal]:
    price, size = written(instrument, level)
    return {"price": price, "qty": size}


def _checksum(market: Market, depth: int) -> int:
    """Return the checksum of the book as it stands, from the digits as they are written."""
    instrument = market.instrument
    unit = Decimal(1).scaleb(-price_decimals(instrument))
    tick_units = int(instrument.tick_size / unit)
    book = KrakenBook(depth)
    bids, asks = market.levels(depth)
    book.replace(
        [(price * tick_units, size) for price, size in bids],
        [(price * tick_units, size) for price, size in asks],
    )
    return book.checksum()
