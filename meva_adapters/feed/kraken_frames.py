"""Read recorded frames of Kraken's WebSocket v2 into events, each change of a book proven by its checksum.

Trades, best quotes, books, closed bars, and our notes of connections; other channels are counted and passed over. What
a checksum contradicts is told as a gap, as it was when it came, and the book is not used until its next snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from meva_adapters.feed.frames import FrameReader
from meva_adapters.wire.connection_notes import is_note, read_note
from meva_adapters.wire.fields import read_exact_json, rows_of, text
from meva_adapters.wire.grid import BadCellError
from meva_adapters.wire.kraken_market import KrakenWire, kraken_wire
from meva_adapters.wire.kraken_messages import CHANNELS, KrakenMessages
from meva_adapters.wire.kraken_notes import GIVEN_UP, OPENED, Opening, read_opening
from meva_core.errors import OffGridError
from meva_core.events import Event
from meva_core.model.instrument import Instrument
from meva_core.model.money import decimals_of

STREAM: Final = "market"
DEPTHS: Final = (10, 25, 100, 500, 1_000)
# A note that only recordings of Kraken have, or the first words of a frame.
_MARKS: Final = re.compile(rb'^[0-9]{1,19} \{("connection":"opened"|"channel":)', re.MULTILINE)


def is_kraken(head: bytes) -> bool:
    """Return whether a recording of frames that begins with *head* is one of Kraken's."""
    return bool(_MARKS.search(head))


class KrakenFrameReader(FrameReader):
    """Read frames that the agent recorded, or others: without our note the decimals are those of the instrument.

    The depth of a book is then the smallest of Kraken's that its first snapshot fits into.
    """

    def __init__(
        self, instruments: Mapping[str, Instrument], *, only: Instrument | None, block_rows: int
    ) -> None:
        super().__init__(instruments, only=only, block_rows=block_rows)
        self._messages: dict[str, KrakenMessages] = {}
        self._wires: dict[str, KrakenWire] = {}
        self._rounded = 0

    @property
    def rounded(self) -> int:
        """Return how many sizes of book levels were rounded down so far."""
        return self._rounded + sum(wire.level_quantity.rounded for wire in self._wires.values())

    def begin(self) -> None:
        """Know no book and no bar."""
        self._rounded = self.rounded
        self._messages, self._wires = {}, {}

    def parsed(self, body: bytes) -> Any:
        """Return the JSON with every digit that it came with."""
        return read_exact_json(body)

    def events(self, received_ns: int, frame: Any) -> Sequence[Event]:
        """Return the events of one frame or note."""
        if not isinstance(frame, dict):
            return ()
        if is_note(frame):
            return self._noted(received_ns, frame)
        channel = frame.get("channel")
        if channel not in CHANNELS:
            return ()
        told: list[Event] = []
        symbols = dict.fromkeys(text(row, "symbol") for row in rows_of(frame.get("data")))
        for symbol in symbols:
            if symbol not in self.chosen:
                self.refuse_unknown(symbol)
                continue
            told += self._read(channel, symbol, frame, received_ns)
        return told

    def _read(self, channel: str, symbol: str, frame: dict[str, Any], received_ns: int) -> Sequence[Event]:
        rows = [row for row in rows_of(frame["data"]) if row["symbol"] == symbol]
        messages = self._messages.get(symbol) or self._assumed(symbol, channel, rows)
        return messages.read(channel, {**frame, "data": rows}, received_ns)

    def _noted(self, received_ns: int, note: dict[str, Any]) -> Sequence[Event]:
        kind = note["connection"]
        if kind == OPENED:
            return self._opened(received_ns, read_opening(note))
        if kind == GIVEN_UP:
            messages = self._messages.get(text(note, "symbol"))
            if messages is not None:
                messages.books.begin()
            return ()
        event = read_note(received_ns, note)
        return () if event is None else (event,)

    def _opened(self, received_ns: int, opening: Opening) -> Sequence[Event]:
        symbol = opening.symbol
        if symbol not in self.chosen:
            self.refuse_unknown(symbol)
            return ()
        known = self._messages.get(symbol)
        messages = self._made(symbol, opening.price_decimals, opening.quantity_decimals, opening.depth)
        books = messages.books
        books.go_on(symbol, max(opening.number, known.books.number(symbol) if known else 0))
        if opening.book is None:
            return ()
        return (books.restore(symbol, *opening.book, received_ns),)

    def _assumed(self, symbol: str, channel: str, rows: Sequence[dict[str, Any]]) -> KrakenMessages:
        instrument = self.chosen[symbol]
        sides = (
            [len(row.get(side) or ()) for row in rows for side in ("bids", "asks")]
            if channel == "book"
            else []
        )
        depth = next((depth for depth in DEPTHS if depth >= max(sides, default=0)), DEPTHS[-1])
        made = self._made(symbol, decimals_of(instrument.tick_size), decimals_of(instrument.lot_size), depth)
        if channel != "book":
            del self._messages[symbol]  # The first book says how deep it is.
        return made

    def _made(self, symbol: str, price_decimals: int, quantity_decimals: int, depth: int) -> KrakenMessages:
        try:
            wire = kraken_wire(
                self.chosen[symbol], price_decimals=price_decimals, quantity_decimals=quantity_decimals
            )
        except OffGridError as exc:
            problem = f"the venue wrote {price_decimals} and {quantity_decimals} decimals ({exc})."
            raise BadCellError(
                problem, f"Set tick_size and lot_size of {symbol} to those of the recording."
            ) from exc
        before = self._wires.get(symbol)
        self._rounded += before.level_quantity.rounded if before else 0
        self._wires[symbol] = wire
        self._messages[symbol] = made = KrakenMessages(STREAM, {symbol: wire}, depth=depth)
        return made
