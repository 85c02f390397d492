"""Answer the public calls of a simulated Kraken: time, status, rules, books, trades, bars; change nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from meva_adapters.venue.bars import Bar
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.kraken.errors import invalid
from meva_adapters.venue.kraken.pairs import Pairs, rules, written
from meva_adapters.venue.kraken.rows import moment, pair_key, seconds
from meva_adapters.venue.market import PublicTrade
from meva_adapters.venue.rows import Json
from meva_adapters.wire.kraken_market import TIMEFRAMES
from meva_adapters.wire.kraken_names import rest_asset, short_asset
from meva_core.model.market import NS_PER_MS
from meva_core.model.money import plain

_BARS_MAX: Final = 720
_TRADES_MAX: Final = 1_000
_DEPTH: Final = 100
_PRICE: Final = Decimal("0.00001")

Params = dict[str, str]


def server_time(exchange: Exchange, _pairs: Pairs, _params: Params) -> Json:
    """Return the venue's time in whole seconds."""
    unix = exchange.now_ms() // 1000
    return {
        "unixtime": unix,
        "rfc1123": datetime.fromtimestamp(unix, UTC).strftime("%a, %d %b %y %H:%M:%S +0000"),
    }


def system_status(exchange: Exchange, pairs: Pairs, _params: Params) -> Json:
    """Return the state of the venue."""
    return {"status": pairs.system, "timestamp": moment(exchange.now_ms())}


def assets(_exchange: Exchange, pairs: Pairs, _params: Params) -> Json:
    """Return every asset of every pair."""
    names = dict.fromkeys(
        asset for market in pairs.markets for asset in (market.instrument.base, market.instrument.quote)
    )
    return {
        rest_asset(name): {
            "aclass": "currency",
            "altname": short_asset(name),
            "decimals": 10,
            "status": "enabled",
        }
        for name in names
    }


def asset_pairs(_exchange: Exchange, pairs: Pairs, params: Params) -> Json:
    """Return the rules of some pairs or all."""
    wanted = params.get("pair")
    markets = [pairs.market(name) for name in wanted.split(",")] if wanted else pairs.markets
    return {pair_key(market.instrument): rules(market) for market in markets}


def depth(exchange: Exchange, pairs: Pairs, params: Params) -> Json:
    """Return the book, best levels first."""
    market = pairs.market(params.get("pair", ""))
    bids, asks = market.levels(_count(params, _DEPTH, 500))
    now = exchange.now_ms() // 1000

    def row(level: tuple[int, int]) -> list[Any]:
        price, size = written(market.instrument, level)
        return [plain(price), plain(size), now]

    return {pair_key(market.instrument): {"asks": list(map(row, asks)), "bids": list(map(row, bids))}}


def trades(_exchange: Exchange, pairs: Pairs, params: Params) -> Json:
    """Return printed trades after a time in ns, oldest first, and the time after which to ask next."""
    market = pairs.market(params.get("pair", ""))
    since = params.get("since", "0")
    if not since.isdecimal():
        raise invalid("since")
    kept = [each for each in market.trades if each.time_ms * NS_PER_MS > int(since)]
    page = kept[: _count(params, _TRADES_MAX, _TRADES_MAX)]
    last = page[-1].time_ms * NS_PER_MS if page else int(since)
    return {pair_key(market.instrument): [_trade(each) for each in page], "last": str(last)}


def ohlc(exchange: Exchange, pairs: Pairs, params: Params) -> Json:
    """Return the newest bars, the unclosed one last."""
    market = pairs.market(params.get("pair", ""))
    minutes = _whole(params, "interval", 1)
    frame = next((name for name, count in TIMEFRAMES.items() if count == minutes), None)
    if frame is None:
        raise invalid("interval")
    series = market.series[frame]
    series.roll(exchange.now_ms())
    since_ms = _whole(params, "since", 0) * 1000
    bars = [bar for bar in series.bars if bar.open_ms > since_ms][-_BARS_MAX:]
    last = bars[-2].open_ms // 1000 if len(bars) > 1 else 0
    return {pair_key(market.instrument): [_bar(bar) for bar in bars], "last": last}


def mean_price(bar: Bar) -> Decimal:
    """Return the volume-weighted mean price of a bar."""
    return (bar.quote_volume / bar.volume).quantize(_PRICE) if bar.volume else bar.close


def _bar(bar: Bar) -> list[Any]:
    prices = [plain(price) for price in (bar.open, bar.high, bar.low, bar.close, mean_price(bar))]
    return [bar.open_ms // 1000, *prices, plain(bar.volume), bar.count]


def _trade(trade: PublicTrade) -> list[Any]:
    side = "s" if trade.is_buyer_maker else "b"
    return [plain(trade.price), plain(trade.quantity), seconds(trade.time_ms), side, "l", "", trade.id]


def _count(params: Params, default: int, highest: int) -> int:
    return min(_whole(params, "count", default), highest)


def _whole(params: Params, name: str, default: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal():
        raise invalid(name)
    return int(text)


PUBLIC: Final[dict[str, Callable[[Exchange, Pairs, Params], Json]]] = {
    "Time": server_time,
    "SystemStatus": system_status,
    "Assets": assets,
    "AssetPairs": asset_pairs,
    "Depth": depth,
    "Trades": trades,
    "OHLC": ohlc,
}
