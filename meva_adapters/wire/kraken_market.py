"""Turn Kraken's WebSocket v2 market messages into integers and events, exactly; keep no book.

Numbers must come as they were written, from `read_exact_json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import evolve, frozen

from meva_adapters.wire.fields import CodecError, digits, row_of, rows_of, text, whole
from meva_adapters.wire.grid import BadCellError, Grid
from meva_adapters.wire.times import time_ns
from meva_core.data.order_book import Level
from meva_core.events import CandleClosed, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, TIMEFRAME_NS, Candle, Side
from meva_core.model.money import whole_steps

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
# What a message may raise that is not what it promises.
MALFORMED: Final = (CodecError, BadCellError)
_MINUTE_NS: Final = 60 * NS_PER_SECOND
_MINUTES: Final = (1, 5, 15, 30, 60, 240, 1_440)
# The intervals of `ohlc` that have a timeframe here.
TIMEFRAMES: Final = {
    name: ns // _MINUTE_NS for name, ns in TIMEFRAME_NS.items() if ns in {n * _MINUTE_NS for n in _MINUTES}
}


@frozen
class KrakenWire:
    """Hold what turns one pair's numbers into ticks and lots, and into units of their last decimal."""

    symbol: str
    price: Grid
    quantity: Grid
    quote_price: Grid
    level_quantity: Grid
    price_units: Grid
    quantity_units: Grid
    tick_units: int
    lot_units: int


def kraken_wire(instrument: Instrument, *, price_decimals: int, quantity_decimals: int) -> KrakenWire:
    """Return what reads messages about *instrument*, whose numbers the venue writes with so many decimals."""
    price_unit, quantity_unit = Decimal(1).scaleb(-price_decimals), Decimal(1).scaleb(-quantity_decimals)
    fine = evolve(instrument, tick_size=price_unit, lot_size=quantity_unit)
    symbol = instrument.symbol
    return KrakenWire(
        symbol=symbol,
        price=Grid("price", instrument, setting="tick_size"),
        quantity=Grid("quantity", instrument, setting="lot_size"),
        quote_price=Grid("quoted price", instrument, setting="tick_size", zero_ok=True),
        level_quantity=Grid("level quantity", instrument, setting="lot_size", zero_ok=True, round_down=True),
        price_units=Grid("price", fine, setting="tick_size"),
        quantity_units=Grid("level quantity", fine, setting="lot_size", zero_ok=True),
        tick_units=whole_steps(instrument.tick_size, price_unit, symbol=symbol, name="tick_size"),
        lot_units=whole_steps(instrument.lot_size, quantity_unit, symbol=symbol, name="lot_size"),
    )


def side(row: Mapping[str, Any], name: str) -> Side:
    """Return a side."""
    found = _SIDES.get(text(row, name))
    if found is None:
        raise CodecError(f"{name} is no side")
    return found


def read_trade(received_ns: int, wire: KrakenWire, data: dict[str, Any]) -> TradeReceived:
    """Read one printed trade; the venue's side is the taker's."""
    return TradeReceived(
        time_ns=received_ns,
        symbol=wire.symbol,
        price_ticks=wire.price.steps(digits(data, "price")),
        quantity_lots=wire.quantity.steps(digits(data, "qty")),
        taker_side=side(data, "side"),
        trade_id=whole(data, "trade_id"),
        venue_time_ns=time_ns(text(data, "timestamp")),
    )


def read_quote(received_ns: int, wire: KrakenWire, data: dict[str, Any]) -> QuoteReceived:
    """Read the best bid and ask; the venue numbers them not."""
    return QuoteReceived(
        time_ns=received_ns,
        symbol=wire.symbol,
        bid_ticks=wire.quote_price.steps(digits(data, "bid")),
        bid_lots=wire.level_quantity.steps(digits(data, "bid_qty")),
        ask_ticks=wire.quote_price.steps(digits(data, "ask")),
        ask_lots=wire.level_quantity.steps(digits(data, "ask_qty")),
    )


def read_levels(wire: KrakenWire, levels: Any) -> tuple[Level, ...]:
    """Read levels of a book, in units."""
    price, quantity = wire.price_units.steps, wire.quantity_units.steps
    return tuple((price(digits(row, "price")), quantity(digits(row, "qty"))) for row in rows_of(levels))


def on_grid(wire: KrakenWire, levels: tuple[Level, ...]) -> tuple[Level, ...]:
    """Return levels in ticks and lots; sizes between two lots are cut, a price between two ticks raises."""
    changes = []
    for price, size in levels:
        ticks, rest = divmod(price, wire.tick_units)
        if rest:
            raise CodecError(f"the price of {price} units is off the grid of {wire.symbol}")
        changes.append((ticks, size // wire.lot_units))
    return tuple(changes)


def read_bar(received_ns: int, wire: KrakenWire, data: dict[str, Any]) -> CandleClosed:
    """Read a bar as if it had closed; whether it has, only the next one tells."""
    row = row_of(data)
    minutes = whole(row, "interval")
    timeframe = next((name for name, count in TIMEFRAMES.items() if count == minutes), None)
    if timeframe is None:
        raise CodecError(f"no timeframe has {minutes} minutes")
    open_ns = time_ns(text(row, "interval_begin"))
    price = wire.price.steps
    candle = Candle(
        open_ns=open_ns,
        close_ns=open_ns + minutes * _MINUTE_NS,
        open=price(digits(row, "open")),
        high=price(digits(row, "high")),
        low=price(digits(row, "low")),
        close=price(digits(row, "close")),
        volume=wire.level_quantity.steps(digits(row, "volume")),
    )
    return CandleClosed(received_ns, wire.symbol, timeframe, candle)
