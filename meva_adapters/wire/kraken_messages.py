"""Turn the messages of Kraken's market channels into events, live or recorded, by one code; follow no connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from meva_adapters.wire.fields import CodecError, rows_of, text
from meva_adapters.wire.kraken_bars import ClosedBars
from meva_adapters.wire.kraken_books import KrakenBooks
from meva_adapters.wire.kraken_market import KrakenWire, read_quote, read_trade
from meva_core.events import Event

CHANNELS: Final = ("trade", "ticker", "book", "ohlc")
_READERS: Final[Mapping[str, Callable[[int, KrakenWire, dict[str, Any]], Event]]] = {
    "trade": read_trade,
    "ticker": read_quote,
}


class KrakenMessages:
    """Read messages about the pairs of *wires*; *books* are followed at *depth* and proven, bars close by the next.

    Numbers must come as they were written, from `read_exact_json`.
    """

    def __init__(self, stream: str, wires: Mapping[str, KrakenWire], *, depth: int) -> None:
        self.books = KrakenBooks(stream, wires, depth=depth)
        self._bars = ClosedBars(wires)
        self._wires = wires

    def read(self, channel: str, message: Mapping[str, Any], received_ns: int) -> Sequence[Event]:
        """Return the events of one message; raise `CodecError` or `BadCellError` where it is not what it promises."""
        rows = rows_of(message.get("data"))
        if channel == "book":
            return self.books.take(message, received_ns)
        if channel == "ohlc":
            return self._bars.take(message, received_ns)
        read = _READERS.get(channel)
        if read is None:
            raise CodecError(f"unknown channel {channel[:40]!r}")
        return [read(received_ns, self._wire(text(row, "symbol")), row) for row in rows]

    def _wire(self, symbol: str) -> KrakenWire:
        wire = self._wires.get(symbol)
        if wire is None:
            raise CodecError(f"{symbol[:40]!r} was not asked for")
        return wire


def by_symbol(raw: str, message: Mapping[str, Any]) -> dict[str, str]:
    """Return *message* by the symbols that it is about: as it came, or one message each where there are several.

    The numbers of those are texts, with the digits that they came with.
    """
    rows = rows_of(message.get("data"))
    symbols = dict.fromkeys(text(row, "symbol") for row in rows)
    if len(symbols) == 1:
        return dict.fromkeys(symbols, raw)
    return {
        symbol: orjson.dumps({**message, "data": [row for row in rows if row["symbol"] == symbol]}).decode()
        for symbol in symbols
    }
