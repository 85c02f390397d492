"""Answer the public calls: time, rules, books, trades, bars, tickers; change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, TypeVar

from meva_adapters.venue.bars import INTERVALS, Bar
from meva_adapters.venue.errors import ApiError
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.listing import exchange_info
from meva_adapters.venue.market import Market, PublicTrade
from meva_adapters.venue.parameters import Params, choice, integer, limit, names, required
from meva_adapters.venue.rows import Json, money
from meva_core.model.money import ZERO

_DEPTH_MAX: Final = 5_000
_ROWS: Final = 500
_ROWS_MAX: Final = 1_000
_EIGHT: Final = Decimal("0.00000001")

T = TypeVar("T")


def ping(_exchange: Exchange, _params: Params) -> Json:
    """Answer that the venue is there."""
    return {}


def server_time(exchange: Exchange, _params: Params) -> Json:
    """Return the venue's time."""
    return {"serverTime": exchange.now_ms()}


def info(exchange: Exchange, params: Params) -> Json:
    """Return limits and the rules of one, some or all symbols."""
    listed = names(params, "symbols")
    if "symbol" in params:
        listed = [params["symbol"]]
    markets = [exchange.market(name) for name in listed] if listed else list(exchange.markets.values())
    if "symbolStatus" in params:
        markets = [market for market in markets if market.status == params["symbolStatus"]]
    return exchange_info(exchange, markets)


def depth(exchange: Exchange, params: Params) -> Json:
    """Return the book, best levels first."""
    market = _market(exchange, params)
    bids, asks = market.levels(limit(params, default=100, highest=_DEPTH_MAX))
    return {"lastUpdateId": market.update_id, "bids": levels(market, bids), "asks": levels(market, asks)}


def levels(market: Market, rows: Iterable[tuple[int, int]]) -> list[list[str]]:
    """Return levels as the venue writes them."""
    instrument = market.instrument
    return [[money(instrument.price(ticks)), money(instrument.quantity(lots))] for ticks, lots in rows]


def trades(exchange: Exchange, params: Params) -> list[Json]:
    """Return the latest trades, or those from an id on."""
    market = _market(exchange, params)
    count = limit(params, default=_ROWS, highest=_ROWS_MAX)
    from_id = integer(params, "fromId")
    kept = list(market.trades)
    chosen = kept[-count:] if from_id is None else [each for each in kept if each.id >= from_id][:count]
    return [
        {
            "id": each.id,
            "price": money(each.price),
            "qty": money(each.quantity),
            "quoteQty": money(each.quote_quantity),
            "time": each.time_ms,
            "isBuyerMaker": each.is_buyer_maker,
            "isBestMatch": True,
        }
        for each in chosen
    ]


def agg_trades(exchange: Exchange, params: Params) -> list[Json]:
    """Return trades by taker order and price; at this venue each trade is one."""
    market = _market(exchange, params)
    from_id = integer(params, "fromId")
    kept = [each for each in market.trades if from_id is None or each.id >= from_id]
    count = limit(params, default=_ROWS, highest=_ROWS_MAX)
    rows = within(params, [(each.time_ms, each) for each in kept], count, from_start=from_id is not None)
    return [agg_trade(each) for each in rows]


def agg_trade(trade: PublicTrade) -> Json:
    """Return one aggregated trade."""
    return {
        "a": trade.id,
        "p": money(trade.price),
        "q": money(trade.quantity),
        "f": trade.id,
        "l": trade.id,
        "T": trade.time_ms,
        "m": trade.is_buyer_maker,
        "M": True,
    }


def klines(exchange: Exchange, params: Params) -> list[list[Any]]:
    """Return bars, the unclosed one included."""
    market = _market(exchange, params)
    interval = choice(params, "interval", INTERVALS, ApiError(-1120, "Invalid interval."))
    series = market.series[interval]
    series.roll(exchange.now_ms())
    count = limit(params, default=_ROWS, highest=_ROWS_MAX)
    return [_kline(bar) for bar in within(params, [(bar.open_ms, bar) for bar in series.bars], count)]


def average_price(exchange: Exchange, params: Params) -> Json:
    """Return the mean price of five minutes."""
    market = _market(exchange, params)
    price = market.mean_price(exchange.now_ms()) or ZERO
    last_ms = market.trades[-1].time_ms if market.trades else 0
    return {"mins": 5, "price": money(rounded(price)), "closeTime": last_ms}


def ticker_price(exchange: Exchange, params: Params) -> Json | list[Json]:
    """Return last prices."""
    return _each(
        exchange, params, lambda market: {"symbol": market.name, "price": money(market.last_price() or ZERO)}
    )


def ticker_book(exchange: Exchange, params: Params) -> Json | list[Json]:
    """Return best bids and asks."""
    return _each(exchange, params, lambda market: {"symbol": market.name} | best_levels(market))


def ticker_day(exchange: Exchange, params: Params) -> Json | list[Json]:
    """Return the statistics of 24 hours."""
    now_ms = exchange.now_ms()
    return _each(exchange, params, lambda market: day_ticker(market, now_ms))


def best_levels(market: Market) -> Json:
    """Return the best bid and ask as tickers write them."""
    best, instrument = market.best(), market.instrument
    return {
        "bidPrice": money(instrument.price(best.bid_ticks)),
        "bidQty": money(instrument.quantity(best.bid_lots)),
        "askPrice": money(instrument.price(best.ask_ticks)),
        "askQty": money(instrument.quantity(best.ask_lots)),
    }


def day_ticker(market: Market, now_ms: int) -> Json:
    """Return one market's statistics of 24 hours, as far as bars are kept."""
    day = market.day(now_ms)
    traded = [bar for bar in day if bar.count]
    first = day[0].open if day else ZERO
    last = day[-1].close if day else ZERO
    volume = sum((bar.volume for bar in day), ZERO)
    worth = sum((bar.quote_volume for bar in day), ZERO)
    latest = market.trades[-1] if market.trades else None
    percent = (last - first) * 100 / first if first else ZERO
    return {
        "symbol": market.name,
        "priceChange": money(last - first),
        "priceChangePercent": f"{percent:.3f}",
        "weightedAvgPrice": money(rounded(worth / volume if volume else ZERO)),
        "prevClosePrice": money(first),
        "lastPrice": money(last),
        "lastQty": money(latest.quantity if latest else ZERO),
        **best_levels(market),
        "openPrice": money(first),
        "highPrice": money(max((bar.high for bar in day), default=ZERO)),
        "lowPrice": money(min((bar.low for bar in day), default=ZERO)),
        "volume": money(volume),
        "quoteVolume": money(rounded(worth)),
        "openTime": day[0].open_ms if day else now_ms,
        "closeTime": now_ms,
        "firstId": traded[0].first_id if traded else -1,
        "lastId": traded[-1].last_id if traded else -1,
        "count": sum(bar.count for bar in day),
    }


def within(params: Params, rows: list[tuple[int, T]], count: int, *, from_start: bool = False) -> list[T]:
    """Return at most *count* rows of a time range: the newest, or the oldest where a start is given."""
    start, end = integer(params, "startTime"), integer(params, "endTime")
    chosen = [row for time_ms, row in rows if (start or 0) <= time_ms and (end is None or time_ms <= end)]
    return chosen[:count] if from_start or start is not None else chosen[-count:]


def rounded(value: Decimal) -> Decimal:
    """Return *value* with eight decimals, for display."""
    return value.quantize(_EIGHT, ROUND_HALF_UP)


def _kline(bar: Bar) -> list[Any]:
    return [
        bar.open_ms,
        money(bar.open),
        money(bar.high),
        money(bar.low),
        money(bar.close),
        money(bar.volume),
        bar.close_ms,
        money(rounded(bar.quote_volume)),
        bar.count,
        money(bar.taker_volume),
        money(rounded(bar.taker_quote_volume)),
        "0",
    ]


def _market(exchange: Exchange, params: Params) -> Market:
    return exchange.market(required(params, "symbol"))


def _each(exchange: Exchange, params: Params, shown: Any) -> Json | list[Json]:
    if "symbol" in params:
        answer: Json = shown(exchange.market(params["symbol"]))
        return answer
    listed = names(params, "symbols")
    markets = [exchange.market(name) for name in listed] if listed else exchange.markets.values()
    return [shown(market) for market in markets]
