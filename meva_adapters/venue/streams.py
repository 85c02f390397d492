"""Speak the venue's market streams: who listens to what, and what is sent when."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import orjson
from aiohttp import web

from meva_adapters.venue.bars import INTERVALS, Bar
from meva_adapters.venue.connection import Connection
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.market import DepthCollector, Market, PublicTrade, Quote
from meva_adapters.venue.market_calls import agg_trade, day_ticker, levels, rounded
from meva_adapters.venue.rows import Json, money

_DEPTH_S: Final = 0.1
_TICKS_PER_SECOND: Final = 10
_STREAMS_MAX: Final = 1_024
_MESSAGES_PER_SECOND: Final = 5
_DAY_NAMES: Final = {
    "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "x": "prevClosePrice",
    "c": "lastPrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty",
    "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume", "q": "quoteVolume",
    "O": "openTime", "C": "closeTime", "F": "firstId", "L": "lastId", "n": "count",
}  # fmt: skip
_PARTIAL: Final = re.compile(r"depth(5|10|20)(@100ms|@1000ms)?")
_SIMPLE: Final = frozenset(
    {"trade", "aggTrade", "bookTicker", "depth", "depth@100ms", "depth@1000ms", "miniTicker", "ticker"}
) | {f"kline_{interval}" for interval in INTERVALS}


class Subscriber:
    """Hold what one connection listens to, and whether its payloads are wrapped."""

    def __init__(self, connection: Connection, *, combined: bool) -> None:
        self.connection = connection
        self.combined = combined
        self.names: dict[str, None] = {}
        self._second = 0
        self._messages = 0

    def is_flooding(self, now_s: int) -> bool:
        """Count one incoming message; return whether there were too many within this second."""
        if now_s != self._second:
            self._second, self._messages = now_s, 0
        self._messages += 1
        return self._messages > _MESSAGES_PER_SECOND


class MarketStreams:
    """Serve `/ws` and `/stream`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.subscribers: dict[Subscriber, None] = {}
        exchange.on_trade = self._on_trade
        exchange.on_quote = self._on_quote

    def add_routes(self, app: web.Application) -> None:
        """Add the paths of the stream host."""
        app.router.add_get("/ws", self._raw)
        app.router.add_get("/ws/{names:.*}", self._raw)
        app.router.add_get("/stream", self._combined)

    async def run(self) -> None:
        """Send for ever what is sent by the clock: depth, tickers, bars."""
        tick = 0
        while True:
            await asyncio.sleep(_DEPTH_S)
            tick += 1
            for market in self._exchange.markets.values():
                self._send_depth(market, market.depth_100ms, ("depth@100ms",), "@100ms")
                self._send_closed_bars(market)
                if tick % _TICKS_PER_SECOND == 0:
                    self._send_depth(market, market.depth_1s, ("depth", "depth@1000ms"), "")
                    self._send_tickers(market)
                    self._send_bar(market, "1s")
                if tick % (2 * _TICKS_PER_SECOND) == 0:
                    for interval in INTERVALS[1:]:
                        self._send_bar(market, interval)

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        named = [name for name in request.match_info.get("names", "").split("/") if name]
        return await self._serve(request, named, combined=False)

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        named = [name for name in request.query.get("streams", "").split("/") if name]
        return await self._serve(request, named, combined=True)

    async def _serve(self, request: web.Request, names: list[str], *, combined: bool) -> web.StreamResponse:
        connection = Connection(request, "market")
        await connection.open()
        subscriber = Subscriber(connection, combined=combined)
        subscriber.names.update(dict.fromkeys(names[:_STREAMS_MAX]))
        self.subscribers[subscriber] = None

        async def on_text(text: str) -> None:
            self._control(subscriber, text)

        try:
            await connection.run(on_text)
        finally:
            del self.subscribers[subscriber]
        return connection.response()

    def _control(self, subscriber: Subscriber, text: str) -> None:
        connection = subscriber.connection
        if subscriber.is_flooding(self._exchange.now_ms() // 1000):
            connection.cut()
            return
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            connection.send({"code": 3, "msg": f"Invalid JSON: {error}"})
            return
        number = message.get("id") if isinstance(message, dict) else None
        try:
            result = self._steer(subscriber, message["method"], message.get("params", []))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            connection.send({"code": 2, "msg": f"Invalid request: {error}", "id": number})
            return
        connection.send({"result": result, "id": number})

    def _steer(self, subscriber: Subscriber, method: str, params: list[Any]) -> Any:
        match method:
            case "SUBSCRIBE":
                for name in params:
                    if not self._is_stream(name):
                        raise ValueError(f"unknown stream {name!r}")
                subscriber.names.update(dict.fromkeys(params))
                if len(subscriber.names) > _STREAMS_MAX:
                    raise ValueError("more than 1024 streams")
            case "UNSUBSCRIBE":
                for name in params:
                    subscriber.names.pop(name, None)
            case "LIST_SUBSCRIPTIONS":
                return list(subscriber.names)
            case "SET_PROPERTY":
                subscriber.combined = bool(params[1])
            case "GET_PROPERTY":
                return subscriber.combined
            case _:
                raise ValueError(f"unknown method {method!r}")
        return None

    def _is_stream(self, name: str) -> bool:
        symbol, _, kind = name.partition("@")
        return symbol.upper() in self._exchange.markets and (
            kind in _SIMPLE or _PARTIAL.fullmatch(kind) is not None
        )

    def publish(self, name: str, make: Callable[[], Json]) -> None:
        """Send a payload to whoever listens to *name*; it is made only if somebody does."""
        raw = wrapped = b""
        for subscriber in tuple(self.subscribers):
            if name in subscriber.names:
                raw = raw or orjson.dumps(make())
                wrapped = wrapped or b'{"stream":"%s","data":%s}' % (name.encode(), raw)
                subscriber.connection.send_bytes(wrapped if subscriber.combined else raw)

    def _on_trade(self, market: Market, trade: PublicTrade) -> None:
        def single() -> Json:
            return {
                "e": "trade",
                "E": self._exchange.now_ms(),
                "s": market.name,
                "t": trade.id,
                "p": money(trade.price),
                "q": money(trade.quantity),
                "T": trade.time_ms,
                "m": trade.is_buyer_maker,
                "M": True,
            }

        def aggregated() -> Json:
            return {"e": "aggTrade", "E": self._exchange.now_ms(), "s": market.name} | agg_trade(trade)

        symbol = market.name.lower()
        self.publish(f"{symbol}@trade", single)
        self.publish(f"{symbol}@aggTrade", aggregated)

    def _on_quote(self, market: Market, quote: Quote) -> None:
        instrument = market.instrument

        def made() -> Json:
            return {
                "u": quote.update_id,
                "s": market.name,
                "b": money(instrument.price(quote.bid_ticks)),
                "B": money(instrument.quantity(quote.bid_lots)),
                "a": money(instrument.price(quote.ask_ticks)),
                "A": money(instrument.quantity(quote.ask_lots)),
            }

        self.publish(f"{market.name.lower()}@bookTicker", made)

    def _send_depth(
        self, market: Market, changes: DepthCollector, kinds: tuple[str, ...], partial_suffix: str
    ) -> None:
        if not changes.first_id:
            return
        update: Json = {
            "e": "depthUpdate",
            "E": self._exchange.now_ms(),
            "s": market.name,
            "U": changes.first_id,
            "u": changes.last_id,
            "b": levels(market, changes.bids.items()),
            "a": levels(market, changes.asks.items()),
        }
        changes.clear()
        if market.depth_to_cross:
            market.depth_to_cross -= 1
            update["b"] += levels(market, [(market.best().ask_ticks, 1)])
        symbol = market.name.lower()
        if market.depth_to_drop:
            market.depth_to_drop -= 1
        else:
            for kind in kinds:
                self.publish(f"{symbol}@{kind}", lambda: update)
        for count in (5, 10, 20):
            self.publish(f"{symbol}@depth{count}{partial_suffix}", partial(_partial, market, count))

    def _send_tickers(self, market: Market) -> None:
        def made() -> Json:
            now_ms = self._exchange.now_ms()
            day = day_ticker(market, now_ms)
            head = {"e": "24hrTicker", "E": now_ms, "s": market.name}
            return head | {short: day[name] for short, name in _DAY_NAMES.items()}

        def small() -> Json:
            whole = made()
            return {"e": "24hrMiniTicker"} | {name: whole[name] for name in "Escohlvq"}

        symbol = market.name.lower()
        self.publish(f"{symbol}@ticker", made)
        self.publish(f"{symbol}@miniTicker", small)

    def _send_closed_bars(self, market: Market) -> None:
        now_ms = self._exchange.now_ms()
        for interval, series in market.series.items():
            for bar in series.take_closed(now_ms):
                self._publish_bar(market, interval, bar, closed=True)

    def _send_bar(self, market: Market, interval: str) -> None:
        bars = market.series[interval].bars
        if bars:
            self._publish_bar(market, interval, bars[-1], closed=False)

    def _publish_bar(self, market: Market, interval: str, bar: Bar, *, closed: bool) -> None:
        def made() -> Json:
            return {
                "e": "kline",
                "E": self._exchange.now_ms(),
                "s": market.name,
                "k": _bar(bar, market.name, interval, closed=closed),
            }

        self.publish(f"{market.name.lower()}@kline_{interval}", made)


def _partial(market: Market, count: int) -> Json:
    bids, asks = market.levels(count)
    return {"lastUpdateId": market.update_id, "bids": levels(market, bids), "asks": levels(market, asks)}


def _bar(bar: Bar, name: str, interval: str, *, closed: bool) -> Json:
    return {
        "t": bar.open_ms,
        "T": bar.close_ms,
        "s": name,
        "i": interval,
        "f": bar.first_id,
        "L": bar.last_id,
        "o": money(bar.open),
        "c": money(bar.close),
        "h": money(bar.high),
        "l": money(bar.low),
        "v": money(bar.volume),
        "n": bar.count,
        "x": closed,
        "q": money(rounded(bar.quote_volume)),
        "V": money(bar.taker_volume),
        "Q": money(rounded(bar.taker_quote_volume)),
        "B": "0",
    }
