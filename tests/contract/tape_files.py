"""Write small recordings and read tapes whole, for the tests of tapes."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import attrs
import pytest

from meva_adapters.feed.file_tape import FileTape
from meva_adapters.feed.open_tape import open_tape
from meva_core.errors import DataError
from meva_core.events import Event
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import BarBlock, Block, EventBlock, TradeBlock

PROJECT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("MEVA_RECORDINGS", PROJECT.parent / "shared" / "data"))
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="no recordings: set MEVA_RECORDINGS to their folder"
)


def instrument(symbol: str = "BTC/USDT", tick: str = "0.01", lot: str = "0.00001") -> Instrument:
    """Return a market."""
    base, _, quote = symbol.partition("/")
    return Instrument(symbol, base, quote, Decimal(tick), Decimal(lot))


def tape_of(path: Path, *markets: Instrument, **options: Any) -> FileTape:
    """Open *path* for *markets*, one BTC/USDT unless told otherwise."""
    known = {market.symbol: market for market in markets or (instrument(),)}
    options = {"symbol": None, **options}
    return cast("FileTape", open_tape(str(path), instruments=known, **options))


def written(folder: Path, content: str | bytes, name: str = "tape") -> Path:
    """Write *content* to a file whose name tells nothing."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(blocks: Iterable[Block]) -> list[tuple[Any, ...]]:
    """Return the rows of trades or bars, whatever blocks they came in."""
    rows: list[tuple[Any, ...]] = []
    for block in blocks:
        assert not isinstance(block, EventBlock), "a table gives columns"
        names = [field.name for field in attrs.fields(type(block))]
        columns = [getattr(block, name) for name in names if isinstance(getattr(block, name), list | array)]
        rows.extend(zip(*columns, strict=True))
    return rows


def trades_of(tape: FileTape) -> TradeBlock:
    """Return the only block of a small tape of trades."""
    (block,) = tape.blocks()
    assert isinstance(block, TradeBlock)
    return block


def bars_of(tape: FileTape) -> BarBlock:
    """Return the only block of a small tape of bars."""
    (block,) = tape.blocks()
    assert isinstance(block, BarBlock)
    return block


def events_of(tape: FileTape) -> Iterator[Event]:
    """Yield the events of a tape of frames."""
    for block in tape.blocks():
        assert isinstance(block, EventBlock)
        yield from block.events


def fault_of(path: Path, *markets: Instrument, **options: Any) -> DataError:
    """Return the error that opening and reading *path* gives."""
    with pytest.raises(DataError) as caught:
        list(tape_of(path, *markets, **options).blocks())
    return caught.value
