"""Read a row of a table, or proven columns of many, into trades or bars on the grid; judge no order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, Protocol

from meva_adapters.feed.columns import FLAG_WORDS, SIDE_WORDS
from meva_adapters.feed.layout import Layout
from meva_adapters.wire.grid import INT64_MAX, BadCellError, price_grid, quantity_grid
from meva_adapters.wire.times import time_ns, unit_ns
from meva_core.data.whole_columns import bounds, chosen, is_above
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side, timeframe_ns
from meva_core.ports.market_feed import BarBlock, Column, TradeBlock

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL, "b": Side.BUY, "s": Side.SELL}
# When the buyer was the maker, the taker sold.
_TAKERS: Final = {"true": Side.SELL, "false": Side.BUY, "1": Side.SELL, "0": Side.BUY}
_BY_SIDE: Final = (Side.SELL, Side.BUY)
_BY_MAKER: Final = (Side.BUY, Side.SELL)


class Rows(Protocol):
    """Turn cells into rows, and rows into a block. *rounded* counts the volumes that were rounded down."""

    @property
    def rounded(self) -> int:
        """Return how many values were rounded down so far."""
        ...

    def read(self, cells: Sequence[str]) -> tuple[int | Side, ...]:
        """Return one row; raise `BadCellError` when a cell cannot be used."""
        ...

    def block(self, rows: Sequence[tuple[int | Side, ...]]) -> TradeBlock | BarBlock:
        """Return the block of what `read` returned."""
        ...

    def columns(self, columns: Sequence[Column], kinds: Sequence[int]) -> TradeBlock | BarBlock | None:
        """Return the block of proven columns, or `None` when some row needs a closer look."""
        ...


class TradeRows:
    """Read trades of one instrument; nothing of a trade is ever rounded."""

    rounded = 0

    def __init__(self, layout: Layout, instrument: Instrument) -> None:
        self._layout = layout
        self._symbol = instrument.symbol
        self._places = layout.places
        self._price = price_grid("price", instrument)
        self._quantity = quantity_grid("quantity", instrument)
        self._one_symbol = _OneSymbol(layout)

    def read(self, cells: Sequence[str]) -> tuple[int | Side, ...]:
        """Return time, price, quantity, taker side and id (-1 where there is none)."""
        places = self._places
        self._one_symbol.check(cells)
        return (
            time_ns(cells[places["time"]], nanoseconds=self._layout.times_are_ns),
            self._price.steps(cells[places["price"]]),
            self._quantity.steps(cells[places["quantity"]]),
            self._taker(cells),
            _trade_id(cells[places["id"]]) if "id" in places else -1,
        )

    def block(self, rows: Sequence[tuple[int | Side, ...]]) -> TradeBlock:
        """Return the block of what `read` returned."""
        return TradeBlock(self._symbol, *map(list, zip(*rows, strict=True)))

    def columns(self, columns: Sequence[Column], kinds: Sequence[int]) -> TradeBlock | None:
        """Return the block of proven columns, or `None` when some row needs a closer look."""
        places = self._places
        times = _proven_times(columns, kinds, self._layout)
        prices = self._price.column(columns[places["price"]], kinds[places["price"]])
        quantities = self._quantity.column(columns[places["quantity"]], kinds[places["quantity"]])
        word = places.get("side", places.get("maker", 0))
        expected, by = (SIDE_WORDS, _BY_SIDE) if "side" in places else (FLAG_WORDS, _BY_MAKER)
        if times is None or prices is None or quantities is None or kinds[word] != expected:
            return None
        ids = columns[places["id"]] if "id" in places else array("q", (-1,)) * len(times)
        if "id" in places and (kinds[places["id"]] != 0 or bounds(ids)[1] > INT64_MAX):
            return None
        return TradeBlock(self._symbol, times, prices, quantities, chosen(columns[word], by), ids)

    def _taker(self, cells: Sequence[str]) -> Side:
        places = self._places
        known, text = (
            (_SIDES, cells[places["side"]]) if "side" in places else (_TAKERS, cells[places["maker"]])
        )
        side = known.get(text.strip().lower())
        if side is None:
            raise BadCellError(f"side {text[:60]!r} is not known.", f"Write one of {', '.join(known)}.")
        return side


class BarRows:
    """Read bars of one instrument; with *round_volume* volumes between two lots are rounded down."""

    def __init__(
        self, layout: Layout, instrument: Instrument, *, timeframe: str, round_volume: bool = False
    ) -> None:
        self._layout = layout
        self._symbol = instrument.symbol
        self._timeframe = timeframe
        self._interval_ns = timeframe_ns(timeframe)
        self._prices = [
            (layout.places[name], price_grid(name, instrument)) for name in ("open", "high", "low", "close")
        ]
        self._volume = quantity_grid("volume", instrument, zero_ok=True, round_down=round_volume)
        self._one_symbol = _OneSymbol(layout)

    @property
    def rounded(self) -> int:
        """Return how many volumes were rounded down so far."""
        return self._volume.rounded

    def read(self, cells: Sequence[str]) -> tuple[int | Side, ...]:
        """Return open time, open, high, low, close and volume."""
        places = self._layout.places
        self._one_symbol.check(cells)
        opened_ns = time_ns(cells[places["time"]], nanoseconds=self._layout.times_are_ns)
        prices = [grid.steps(cells[place]) for place, grid in self._prices]
        if prices[1] < max(prices) or prices[2] > min(prices):
            raise BadCellError(
                "open, high, low, close "
                + ", ".join(cells[place] for place, _ in self._prices)
                + " contradict: high must be the highest and low the lowest.",
                "Mend or remove the row.",
            )
        return (opened_ns, *prices, self._volume.steps(cells[places["volume"]]))

    def block(self, rows: Sequence[tuple[int | Side, ...]]) -> BarBlock:
        """Return the block of what `read` returned."""
        return self._named(list(map(list, zip(*rows, strict=True))))

    def columns(self, columns: Sequence[Column], kinds: Sequence[int]) -> BarBlock | None:
        """Return the block of proven columns, or `None` when some row needs a closer look."""
        place = self._layout.places["volume"]
        times = _proven_times(columns, kinds, self._layout)
        prices = [grid.column(columns[at], kinds[at]) for at, grid in self._prices]
        volumes = self._volume.column(columns[place], kinds[place])
        found = [column for column in (times, *prices, volumes) if column is not None]
        if len(found) < 6 or not _bars_agree(*found[1:5]):  # noqa: PLR2004 - time, four prices, volume.
            return None
        return self._named(found)

    def _named(self, columns: Sequence[Column]) -> BarBlock:
        return BarBlock(self._symbol, self._timeframe, self._interval_ns, *columns)


class _OneSymbol:
    """Refuse a table that mixes symbols: its rows would be booked on the wrong market."""

    def __init__(self, layout: Layout) -> None:
        self._place = layout.places.get("symbol")
        self._seen: str | None = None

    def check(self, cells: Sequence[str]) -> None:
        if self._place is None:
            return
        symbol = cells[self._place]
        if self._seen is None:
            self._seen = symbol
        elif symbol != self._seen:
            raise BadCellError(
                f"symbol {symbol!r} follows {self._seen!r}.", "Split the file: one symbol per table."
            )


def _bars_agree(opens: Column, highs: Column, lows: Column, closes: Column) -> bool:
    return not (
        is_above(opens, highs) or is_above(closes, highs) or is_above(lows, opens) or is_above(lows, closes)
    )


def _proven_times(columns: Sequence[Column], kinds: Sequence[int], layout: Layout) -> Column | None:
    place = layout.places["time"]
    times = columns[place]
    if kinds[place] != 0:
        return None
    first, latest = bounds(times)
    unit = 1 if layout.times_are_ns else unit_ns(latest)
    if latest * unit > INT64_MAX or not (layout.times_are_ns or unit == unit_ns(first)):
        return None
    return times if unit == 1 else [value * unit for value in times]


def _trade_id(text: str) -> int:
    if not (text.isdecimal() and text.isascii() and len(text) < 20 and int(text) <= INT64_MAX):  # noqa: PLR2004
        raise BadCellError(f"trade id {text[:60]!r} is not a whole number.", "Mend or remove the row.")
    return int(text)
