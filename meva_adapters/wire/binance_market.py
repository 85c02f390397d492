"""Turn Binance's market messages into events, exactly: the one code for recordings and live streams; keep no book.

Sizes in a book may be off the lot grid (orders older than the grid rest there); they are rounded down to whole
lots, and counted. Prices and trades are exact, or refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from meva_adapters.wire.grid import INT64_MAX, Grid, price_grid, quantity_grid
from meva_adapters.wire.times import unit_ns
from meva_core.events import BookChanged, CandleClosed, MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS, TIMEFRAME_NS, Candle, Side

_MS_FROM: Final = 10**11  # From 1973 to 5138, as in `unit_ns`; the later half of it is beyond 63 bits of ns.
_MS_TO: Final = INT64_MAX // NS_PER_MS
_LISTS: Final = frozenset({list})
_BUY, _SELL = Side.BUY, Side.SELL  # A look into an enumeration costs a tenth of a trade's reading.
_BEST_QUOTE: Final = frozenset({"u", "s", "b", "B", "a", "A"})  # A bookTicker names no event.


@frozen
class WireMarket:
    """Hold what turns one symbol's text into integers. A side of a quote may be empty, a level removed."""

    symbol: str
    price: Grid
    quantity: Grid
    quote_price: Grid
    level_quantity: Grid


def wire_market(instrument: Instrument) -> WireMarket:
    """Return what turns messages about *instrument* into integers."""
    return WireMarket(
        symbol=instrument.symbol,
        price=price_grid("price", instrument),
        quantity=quantity_grid("quantity", instrument),
        quote_price=Grid("quoted price", instrument, setting="tick_size", zero_ok=True),
        level_quantity=quantity_grid("level quantity", instrument, zero_ok=True, round_down=True),
    )


def _trade(received_ns: int, market: WireMarket, data: dict[str, Any]) -> TradeReceived:
    buyer_is_maker = data["m"]
    if buyer_is_maker is not True and buyer_is_maker is not False:
        raise TypeError("m is neither true nor false")
    # By position, in the order of the fields: this is the busiest message, and names would be a fifth of its cost.
    return TradeReceived(
        received_ns,
        market.symbol,
        market.price.steps(data["p"]),
        market.quantity.steps(data["q"]),
        _SELL if buyer_is_maker else _BUY,  # When the buyer was the maker, the taker sold.
        _whole(data["t"]),
        _venue_ns(data["T"]),
    )


def _quote(received_ns: int, market: WireMarket, data: dict[str, Any]) -> QuoteReceived:
    return QuoteReceived(
        time_ns=received_ns,
        symbol=market.symbol,
        bid_ticks=market.quote_price.steps(data["b"]),
        bid_lots=market.level_quantity.steps(data["B"]),
        ask_ticks=market.quote_price.steps(data["a"]),
        ask_lots=market.level_quantity.steps(data["A"]),
        update_id=_whole(data["u"]),
    )


def _depth(received_ns: int, market: WireMarket, data: dict[str, Any]) -> BookChanged:
    first_id, last_id = _whole(data["U"]), _whole(data["u"])
    if first_id > last_id:
        raise ValueError(f"it goes from {first_id} back to {last_id}")
    return BookChanged(
        time_ns=received_ns,
        symbol=market.symbol,
        snapshot=False,
        first_update_id=first_id,
        last_update_id=last_id,
        bids=_levels(market, data["b"]),
        asks=_levels(market, data["a"]),
        venue_time_ns=_venue_ns(data["E"]),
    )


def read_snapshot(received_ns: int, market: WireMarket, data: dict[str, Any]) -> BookChanged:
    """Read an answer of the REST call `depth`, which names no symbol and no time."""
    update_id = _whole(data["lastUpdateId"])
    return BookChanged(
        time_ns=received_ns,
        symbol=market.symbol,
        snapshot=True,
        first_update_id=update_id,
        last_update_id=update_id,
        bids=_levels(market, data["bids"]),
        asks=_levels(market, data["asks"]),
    )


def _levels(market: WireMarket, levels: list[list[str]]) -> tuple[tuple[int, int], ...]:
    if type(levels) is not list or not _LISTS.issuperset(map(type, levels)):
        raise TypeError("levels are lists")  # A text of two letters would pass for a price and a size.
    price, quantity = market.price.steps, market.level_quantity.steps
    return tuple([(price(level[0]), quantity(level[1])) for level in levels])


def _venue_ns(value: Any) -> int:
    if type(value) is int and _MS_FROM <= value < _MS_TO:
        return value * NS_PER_MS  # What nearly always comes.
    time_ns = _whole(value) * unit_ns(value)
    return _whole(time_ns)


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= INT64_MAX:
        raise TypeError(f"{value!r} is no whole number of 63 bits")
    return value


def kind_of(data: dict[str, Any]) -> str:
    """Return the kind of a stream's message; empty where it has none."""
    kind = data.get("e")
    return kind if isinstance(kind, str) else "bookTicker" if data.keys() >= _BEST_QUOTE else ""


def _candle(received_ns: int, market: WireMarket, data: dict[str, Any]) -> CandleClosed | None:
    bar = data["k"]
    if bar["x"] is not True:
        return None
    price, timeframe = market.price.steps, bar["i"]
    candle = Candle(
        open_ns=_venue_ns(bar["t"]),
        close_ns=_venue_ns(bar["T"]) + unit_ns(bar["T"]),  # T is the last moment inside.
        open=price(bar["o"]),
        high=price(bar["h"]),
        low=price(bar["l"]),
        close=price(bar["c"]),
        volume=market.level_quantity.steps(bar["v"]),
    )
    if candle.close_ns - candle.open_ns != TIMEFRAME_NS[timeframe]:
        raise ValueError(f"it is no bar of {timeframe}")
    if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        raise ValueError("its prices contradict one another")
    return CandleClosed(received_ns, market.symbol, timeframe, candle)


# What reads a message of each kind, given our receive time; a bar that is not closed yet is no event.
READERS: Final[dict[str, Callable[[int, WireMarket, dict[str, Any]], MarketEvent | None]]] = {
    "trade": _trade,
    "depthUpdate": _depth,
    "bookTicker": _quote,
    "kline": _candle,
}
