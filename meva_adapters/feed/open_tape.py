"""Recognise a recording by its content and open it as a tape; the file's name decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from attrs import frozen

from meva_adapters.feed.binance_frames import BinanceFrameReader
from meva_adapters.feed.csv_tape import CsvReader, cells_of
from meva_adapters.feed.file_tape import FileTape, Reader
from meva_adapters.feed.frames import FRAME
from meva_adapters.feed.kraken_frames import KrakenFrameReader, is_kraken
from meva_adapters.feed.layout import BARS, Layout, dump_layout, header_layout
from meva_adapters.feed.parquet_tape import PARQUET_MAGIC, ParquetReader, parquet_cells, parquet_layout
from meva_adapters.feed.recording import Recording
from meva_adapters.feed.rows import BarRows, Rows, TradeRows
from meva_adapters.wire.grid import BadCellError
from meva_adapters.wire.symbols import find_instrument, table_instrument
from meva_adapters.wire.times import time_ns
from meva_core.errors import DataError
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, TIMEFRAME_NS, timeframe_ns
from meva_core.ports.market_feed import Tape

_SESSION_MAGIC: Final = b"SQLite format 3\0"
_HEAD_BYTES: Final = 1 << 16
_HEADER_LINES_MAX: Final = 4  # Some vendors put a line of their own above the header.
_SAMPLE_ROWS: Final = 2  # Two bars tell their interval.


@frozen(kw_only=True)
class _Options:
    """Carry what the caller of `open_tape` asked for."""

    symbol: str | None
    instruments: Mapping[str, Instrument]
    timeframe: str | None
    round_volume: bool
    block_rows: int


@frozen
class _Table:
    """Hold what the first lines of a table told: its layout, where its rows begin, and the first of them."""

    layout: Layout
    data_line: int
    sample: Sequence[Sequence[str]]


def open_tape(
    path: str,
    *,
    symbol: str | None,
    instruments: Mapping[str, Instrument],
    sort: bool = False,
    block_rows: int = 32_768,
    timeframe: str | None = None,
    round_volume: bool = False,
) -> Tape:
    """Open the recording at *path*: a table (CSV, Binance dump, Parquet), frames or a session; packed or not.

    *symbol* is `None` where the content says it or only one of *instruments* is configured. *sort* sorts the
    rows by time in memory. *timeframe* (`"1m"`) is found from the first two bars unless given. *round_volume*
    rounds volumes of bars down to whole lots; prices are always exact.
    Raises `DataError` for what it cannot read, with what to do, and `UnknownSymbolError`.
    """
    options = _Options(
        symbol=symbol,
        instruments=instruments,
        timeframe=timeframe,
        round_volume=round_volume,
        block_rows=block_rows,
    )
    recording = Recording(path)
    head = recording.head(_HEAD_BYTES)
    if head.startswith(_SESSION_MAGIC):
        if recording.packed:
            raise DataError(path, 0, "the file is a packed session.", "Unpack it first.")
        from meva_adapters.feed.session_tape import SessionTape

        return SessionTape(Path(path))
    if not head.strip():
        raise DataError(path, 0, "the file is empty.", "Give a recording with data.")
    return FileTape(recording, _reader(recording, head, options), sort=sort, block_rows=block_rows)


def _reader(recording: Recording, head: bytes, options: _Options) -> Reader:
    if head.startswith(PARQUET_MAGIC):
        return _parquet_reader(recording, options)
    if FRAME.match(head):
        recording.may_be_cut = True  # A recorder that was killed leaves the last second of it torn.
        only = find_instrument(options.symbol, options.instruments) if options.symbol else None
        frames = KrakenFrameReader if is_kraken(head) else BinanceFrameReader
        return frames(options.instruments, only=only, block_rows=options.block_rows)
    return _csv_reader(recording, head, options)


def _csv_reader(recording: Recording, head: bytes, options: _Options) -> CsvReader:
    lines = head.decode(errors="replace").split("\n")
    if len(head) == _HEAD_BYTES:
        lines.pop()  # It may be cut.
    source = recording.source
    table = _recognised(lines, source, base=None)
    instrument = _instrument(table, source, options)
    if not table.sample:
        raise DataError(source, 0, "the file has a header and no rows.", "Give a file with data.")
    table = _recognised(lines, source, base=instrument.base)
    return CsvReader(
        table.layout,
        _rows(table, instrument, source, options),
        symbol=instrument.symbol,
        data_line=table.data_line,
        block_rows=options.block_rows,
    )


def _parquet_reader(recording: Recording, options: _Options) -> ParquetReader:
    source = recording.source
    instrument = _instrument(_parquet_table(recording, base=None), source, options)
    table = _parquet_table(recording, base=instrument.base)
    rows = _rows(table, instrument, source, options)
    return ParquetReader(table.layout, rows, symbol=instrument.symbol, block_rows=options.block_rows)


def _parquet_table(recording: Recording, *, base: str | None) -> _Table:
    layout = parquet_layout(recording, base=base)
    return _Table(layout, 1, next(parquet_cells(recording, layout, _SAMPLE_ROWS), []))


def _recognised(lines: Sequence[str], source: str, *, base: str | None) -> _Table:
    """Return what the first *lines* tell; raise `DataError` when they tell nothing."""
    for number, line in enumerate(lines[:_HEADER_LINES_MAX], 1):
        layout = header_layout(_cells(line, source, number), source=source, line=number, base=base)
        if layout:
            return _Table(layout, number + 1, _sample(lines[number:], source, number + 1))
    layout = dump_layout(_cells(lines[0], source, 1))
    if layout:
        return _Table(layout, 1, _sample(lines, source, 1))
    raise DataError(
        source,
        1,
        f"{lines[0][:60].rstrip()!r} begins no recording that is known here.",
        "Give trades (ts_ns,price,qty,side), bars (ts_ns,open,high,low,close,volume), a Binance dump, "
        "raw frames (<receive ns> <JSON>), Parquet, or a session file.",
    )


def _sample(lines: Sequence[str], source: str, first: int) -> list[list[str]]:
    filled = (_cells(line, source, number) for number, line in enumerate(lines, first) if line.strip())
    return list(islice(filled, _SAMPLE_ROWS))


def _cells(line: str, source: str, number: int) -> list[str]:
    try:
        return cells_of(line)
    except BadCellError as exc:
        raise DataError(source, number, exc.problem, exc.remedy) from exc


def _instrument(table: _Table, source: str, options: _Options) -> Instrument:
    place = table.layout.places.get("symbol")
    first = table.sample[0] if table.sample else ()
    written = first[place] if place is not None and place < len(first) else None
    return table_instrument(options.symbol, written, options.instruments, source=source)


def _rows(table: _Table, instrument: Instrument, source: str, options: _Options) -> Rows:
    if table.layout.kind != BARS:
        return TradeRows(table.layout, instrument)
    timeframe = options.timeframe or _inferred_timeframe(table, source)
    return BarRows(table.layout, instrument, timeframe=timeframe, round_volume=options.round_volume)


def _inferred_timeframe(table: _Table, source: str) -> str:
    """Return the timeframe that lies between the first two bars, whichever of them is the newer."""
    place = table.layout.places["time"]
    times = [_time_ns(table, row, place, source) for row in range(len(table.sample))]
    name_it = "Name the timeframe of the bars, as in 1m."
    if len(times) < _SAMPLE_ROWS:
        raise DataError(source, table.data_line, "one bar alone does not tell how long it lasts.", name_it)
    apart_ns = abs(times[1] - times[0])
    timeframe = next((name for name, length_ns in TIMEFRAME_NS.items() if length_ns == apart_ns), None)
    if timeframe is None:
        problem = f"the first two bars are {apart_ns / NS_PER_SECOND:g} s apart, which is no known timeframe."
        raise DataError(source, table.data_line + 1, problem, name_it)
    assert timeframe_ns(timeframe) == apart_ns, "a timeframe has one length"
    return timeframe


def _time_ns(table: _Table, row: int, place: int, source: str) -> int:
    cells = table.sample[row]
    try:
        return time_ns(cells[place] if place < len(cells) else "", nanoseconds=table.layout.times_are_ns)
    except BadCellError as exc:
        raise DataError(source, table.data_line + row, exc.problem, exc.remedy) from exc
