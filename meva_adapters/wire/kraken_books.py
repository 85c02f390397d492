"""Follow the books of Kraken's WebSocket v2 and prove each by its checksum; give up the one that differs.

The core numbers changes, the venue does not: numbers are given here, rising for as long as the object lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from meva_adapters.wire.fields import CodecError, row_of, rows_of, text, whole
from meva_adapters.wire.kraken_book import KrakenBook
from meva_adapters.wire.kraken_market import MALFORMED, KrakenWire, on_grid, read_levels
from meva_adapters.wire.times import time_ns
from meva_core.data.order_book import Level
from meva_core.events import BookChanged, StreamGapDetected

BookEvent = BookChanged | StreamGapDetected


class KrakenBooks:
    """Hold one book per pair at *depth*. A pair in *broken* needs a new subscription; its changes are passed over.

    *verified* counts the checksums that were true.
    """

    def __init__(self, stream: str, wires: Mapping[str, KrakenWire], *, depth: int) -> None:
        self.books = {symbol: KrakenBook(depth) for symbol in wires}
        self.broken: set[str] = set(wires)
        self.verified = 0
        self._stream = stream
        self._wires = wires
        self._numbers = dict.fromkeys(wires, 0)

    def begin(self) -> None:
        """Wait for snapshots, after a connection was made."""
        self.broken = set(self._wires)

    def number(self, symbol: str) -> int:
        """Return the number of the newest change of *symbol*."""
        return self._numbers[symbol]

    def go_on(self, symbol: str, number: int) -> None:
        """Let the numbers of *symbol* rise from *number* on, unless they are beyond it already."""
        self._numbers[symbol] = max(self._numbers[symbol], number)

    def restore(
        self, symbol: str, bids: tuple[Level, ...], asks: tuple[Level, ...], received_ns: int
    ) -> BookChanged:
        """Take a whole book, in units, as it stood at the newest number; return it as the snapshot that it is."""
        wire, number = self._wires[symbol], self._numbers[symbol]
        self.books[symbol].replace(bids, asks)
        self.broken.discard(symbol)
        return BookChanged(
            received_ns, symbol, True, number, number, on_grid(wire, bids), on_grid(wire, asks)
        )

    def take(self, message: Mapping[str, Any], received_ns: int) -> list[BookEvent]:
        """Return the events of one message of the channel `book`; raise `CodecError` where it names no pair of ours."""
        events: list[BookEvent] = []
        snapshot = text(message, "type") == "snapshot"
        for data in rows_of(message.get("data")):
            symbol = text(data, "symbol")
            if symbol not in self._wires:
                raise CodecError(f"no book of {symbol[:40]!r} was asked for")
            if snapshot or symbol not in self.broken:
                events.append(self._taken(symbol, data, received_ns, snapshot=snapshot))
        return events

    def _taken(self, symbol: str, data: dict[str, Any], received_ns: int, *, snapshot: bool) -> BookEvent:
        self._numbers[symbol] += 1
        number = self._numbers[symbol]
        try:
            change, expected, computed = self._read(symbol, data, received_ns, snapshot=snapshot)
        except MALFORMED:
            # What a damaged message would have changed is not known, so the book is no longer either.
            change, expected, computed = None, 0, number
        if change is None or expected != computed:
            self.broken.add(symbol)
            return StreamGapDetected(received_ns, self._stream, symbol, expected, computed)
        self.broken.discard(symbol)
        return change

    def _read(
        self, symbol: str, data: dict[str, Any], received_ns: int, *, snapshot: bool
    ) -> tuple[BookChanged, int, int]:
        """Return the change, the venue's checksum after it, and ours."""
        wire, book, number = self._wires[symbol], self.books[symbol], self._numbers[symbol]
        bids, asks = read_levels(wire, data.get("bids")), read_levels(wire, data.get("asks"))
        if snapshot:
            book.replace(bids, asks)
        else:
            bids, asks = book.update(bids, asks)
        change = BookChanged(
            time_ns=received_ns,
            symbol=symbol,
            snapshot=snapshot,
            first_update_id=number,
            last_update_id=number,
            bids=on_grid(wire, bids),
            asks=on_grid(wire, asks),
            venue_time_ns=time_ns(text(data, "timestamp")) if "timestamp" in data else 0,
        )
        computed = book.checksum()
        if snapshot and "checksum" not in data:
            return change, computed, computed
        self.verified += 1
        return change, whole(row_of(data), "checksum"), computed
