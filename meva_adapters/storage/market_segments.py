"""Lay market events out as columns of integers and rebuild them; decide not when or where they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any, Final, get_args

from attrs import Factory, define, frozen

from meva_adapters.storage.integer_columns import pack_columns, unpack_columns
from meva_core.events import BookChanged, CandleClosed, MarketEvent, QuoteReceived, TradeReceived
from meva_core.model.market import Candle, Side
from meva_core.ports.market_feed import BarBlock, TradeBlock

MARKET_EVENTS: Final = get_args(MarketEvent)
# A segment of more rows, or a book of more levels, is damage: ours hold some thousand.
ROWS_MAX: Final = 1 << 20


@frozen
class SegmentKey:
    """Say what all rows of one segment have in common; *timeframe* is empty except for candles."""

    kind: str
    symbol: str
    timeframe: str = ""


@frozen
class Segment:
    """Hold packed market events of one kind and symbol, in order; other events may lie between them."""

    key: SegmentKey
    first_sequence: int
    last_sequence: int
    rows: int
    columns: bytes


@define
class OpenSegment:
    """Collect rows of one kind and symbol as columns; the first column is the sequence."""

    key: SegmentKey
    columns: list[list[int]]
    levels: tuple[list[int], list[int]] = Factory(lambda: ([], []))

    @classmethod
    def of(cls, key: SegmentKey) -> OpenSegment:
        """Return an empty segment for *key*."""
        return cls(key, [[] for _ in range(_WIDTH[key.kind])])

    def add(self, sequence: int, event: MarketEvent) -> None:
        """Append one event; it must belong to this segment's key."""
        for column, value in zip(self.columns, _ROWS[type(event)](event), strict=False):
            column.append(value)
        self.columns[-1].append(sequence)
        if isinstance(event, BookChanged):
            for levels in (event.bids, event.asks):
                self.levels[0].extend(price for price, _ in levels)
                self.levels[1].extend(lots for _, lots in levels)

    def add_trades(self, first_sequence: int, block: TradeBlock, *, start: int, stop: int) -> None:
        """Append rows *start* to *stop* of *block*, numbered from *first_sequence*."""
        sell = Side.SELL
        rows = (
            block.times[start:stop],
            block.prices[start:stop],
            block.quantities[start:stop],
            [side is sell for side in block.taker_sides[start:stop]],
            block.ids[start:stop],
            repeat(0, stop - start),
            range(first_sequence, first_sequence + stop - start),
        )
        self._extend(rows)

    def add_bars(self, first_sequence: int, block: BarBlock, *, start: int, stop: int) -> None:
        """Append rows *start* to *stop* of *block*, numbered from *first_sequence*."""
        opens = block.open_times[start:stop]
        closes = [open_ns + block.interval_ns for open_ns in opens]
        rows = (
            closes,
            opens,
            closes,
            block.opens[start:stop],
            block.highs[start:stop],
            block.lows[start:stop],
            block.closes[start:stop],
            block.volumes[start:stop],
            range(first_sequence, first_sequence + stop - start),
        )
        self._extend(rows)

    def seal(self) -> Segment:
        """Return the packed segment."""
        sequences = self.columns[-1]
        columns = pack_columns([*self.columns, *self.levels])
        return Segment(self.key, sequences[0], sequences[-1], len(sequences), columns)

    def _extend(self, rows: Sequence[Any]) -> None:
        for column, values in zip(self.columns, rows, strict=True):
            column.extend(values)


def key_of(event: MarketEvent) -> SegmentKey:
    """Return the key of the segment that *event* belongs to."""
    timeframe = event.timeframe if isinstance(event, CandleClosed) else ""
    return SegmentKey(type(event).__name__, event.symbol, timeframe)


def columns_of(segment: Segment) -> list[list[int]]:
    """Return the columns in the order of the event's fields, then the sequences, then two of book levels.

    Raises `ValueError` when they contradict the segment's description.
    """
    width = _width_of(segment.key)
    columns = unpack_columns(segment.columns, count=width + 2, length_max=ROWS_MAX)
    sequences = columns[width - 1]
    described = [segment.first_sequence, segment.last_sequence]
    if sequences[:1] + sequences[-1:] != described or {len(column) for column in columns[:width]} != {
        segment.rows
    }:
        message = "its rows contradict its description"
        raise ValueError(message)
    return columns


def events_of(segment: Segment) -> Iterator[tuple[int, MarketEvent]]:
    """Yield the segment's events with their sequences; raise `ValueError` when the blob is damaged."""
    return rebuilt(segment.key, columns_of(segment))


def rebuilt(key: SegmentKey, columns: list[list[int]]) -> Iterator[tuple[int, MarketEvent]]:
    """Yield the events of *columns*, in the order of `columns_of`, with their sequences.

    Raises `ValueError` when they are not such columns.
    """
    if len(columns) != _width_of(key) + 2:
        message = f"{len(columns)} columns of {key.kind}"
        raise ValueError(message)
    *fields, sequences = columns[:-2]
    return zip(sequences, _EVENTS[key.kind](key, fields, columns[-2:]), strict=True)


def _width_of(key: SegmentKey) -> int:
    width = _WIDTH.get(key.kind)
    if width is None:
        message = f"unknown kind of market event {key.kind!r}"
        raise ValueError(message)
    return width


def _rebuilt(key: SegmentKey, columns: list[list[int]]) -> Iterator[tuple[int, MarketEvent]]:
    *fields, sequences = columns[: _WIDTH[key.kind]]
    return zip(sequences, _EVENTS[key.kind](key, fields, columns[-2:]), strict=True)


def trades_of(segment: Segment) -> TradeBlock | None:
    """Return a segment of trades as one block, or `None` when a block cannot say all that it holds."""
    if segment.key.kind != TradeReceived.__name__:
        return None
    times, prices, quantities, sides, ids, venue_times = columns_of(segment)[:6]
    if any(venue_times):
        return None
    return TradeBlock(segment.key.symbol, times, prices, quantities, [_SIDES[side] for side in sides], ids)


def bars_of(segment: Segment) -> BarBlock | None:
    """Return a segment of candles as one block, or `None` when a block cannot say all that it holds."""
    if segment.key.kind != CandleClosed.__name__:
        return None
    times, open_times, closes_at, opens, highs, lows, closes, volumes = columns_of(segment)[:8]
    interval_ns = closes_at[0] - open_times[0]
    regular = all(
        end == time == start + interval_ns
        for time, start, end in zip(times, open_times, closes_at, strict=True)
    )
    if not regular:
        return None
    key = segment.key
    return BarBlock(key.symbol, key.timeframe, interval_ns, open_times, opens, highs, lows, closes, volumes)


def _candle_row(event: CandleClosed) -> tuple[int, ...]:
    c = event.candle
    return (event.time_ns, c.open_ns, c.close_ns, c.open, c.high, c.low, c.close, c.volume)


def _book_row(event: BookChanged) -> tuple[int, ...]:
    return (
        event.time_ns,
        event.snapshot,
        event.first_update_id,
        event.last_update_id,
        event.venue_time_ns,
        len(event.bids),
        len(event.asks),
    )


def _trade_row(e: TradeReceived) -> tuple[int, ...]:
    side = e.taker_side is Side.SELL
    return (e.time_ns, e.price_ticks, e.quantity_lots, side, e.trade_id, e.venue_time_ns)


def _quote_row(e: QuoteReceived) -> tuple[int, ...]:
    return (e.time_ns, e.bid_ticks, e.bid_lots, e.ask_ticks, e.ask_lots, e.update_id)


_Fields = list[list[int]]


def _trades(key: SegmentKey, fields: _Fields, _levels: _Fields) -> Iterator[TradeReceived]:
    for time_ns, price, quantity, side, trade_id, venue_time_ns in zip(*fields, strict=True):
        yield TradeReceived(time_ns, key.symbol, price, quantity, _SIDES[side], trade_id, venue_time_ns)


def _quotes(key: SegmentKey, fields: _Fields, _levels: _Fields) -> Iterator[QuoteReceived]:
    for time_ns, *rest in zip(*fields, strict=True):
        yield QuoteReceived(time_ns, key.symbol, *rest)


def _candles(key: SegmentKey, fields: _Fields, _levels: _Fields) -> Iterator[CandleClosed]:
    for time_ns, *rest in zip(*fields, strict=True):
        yield CandleClosed(time_ns, key.symbol, key.timeframe, Candle(*rest))


def _books(key: SegmentKey, fields: _Fields, levels: _Fields) -> Iterator[BookChanged]:
    prices, lots = levels
    if len(prices) != len(lots) or len(prices) != sum(fields[5]) + sum(fields[6]):
        message = "its book levels do not add up"
        raise ValueError(message)
    pairs = zip(prices, lots, strict=True)
    for time_ns, snapshot, first, last, venue_time_ns, bid_count, ask_count in zip(*fields, strict=True):
        bids = tuple(next(pairs) for _ in range(bid_count))
        asks = tuple(next(pairs) for _ in range(ask_count))
        yield BookChanged(time_ns, key.symbol, bool(snapshot), first, last, bids, asks, venue_time_ns)


_SIDES: Final = (Side.BUY, Side.SELL)
_ROWS: Final[dict[type, Callable[[Any], tuple[int, ...]]]] = {
    TradeReceived: _trade_row,
    QuoteReceived: _quote_row,
    BookChanged: _book_row,
    CandleClosed: _candle_row,
}
_EVENTS: Final[dict[str, Callable[[SegmentKey, _Fields, _Fields], Iterator[MarketEvent]]]] = {
    TradeReceived.__name__: _trades,
    QuoteReceived.__name__: _quotes,
    BookChanged.__name__: _books,
    CandleClosed.__name__: _candles,
}
# Columns of each kind, the sequence included and the two of book levels not.
_WIDTH: Final = {
    TradeReceived.__name__: 7,
    QuoteReceived.__name__: 7,
    BookChanged.__name__: 8,
    CandleClosed.__name__: 9,
}
assert {cls.__name__ for cls in _ROWS} == set(_EVENTS) == set(_WIDTH), "every kind has a layout"
