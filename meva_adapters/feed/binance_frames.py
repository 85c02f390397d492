"""Read recorded Binance frames, `<receive ns> <JSON>` a line, into events; keep no order book.

Combined and raw streams of trades, best quotes, depth changes and closed bars, the REST depth snapshot
(developers.binance.com, spot, "WebSocket Streams"), and our notes of connections. Other kinds are counted and
passed over.
Prices and trades are exact. Sizes in a book may be off the lot grid (orders older than the grid rest there:
5 of 235,000 levels in two recordings of 2024-08-08); they are rounded down to whole lots, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meva_adapters.feed.frames import FrameReader
from meva_adapters.wire.binance_market import READERS, WireMarket, kind_of, read_snapshot, wire_market
from meva_adapters.wire.connection_notes import is_note, read_note
from meva_adapters.wire.fields import read_json
from meva_adapters.wire.symbols import venue_symbol
from meva_core.events import Event
from meva_core.model.instrument import Instrument


class BinanceFrameReader(FrameReader):
    """Read combined and raw streams.

    A snapshot does not name its symbol: it belongs to the only symbol that the recording has shown so far.
    """

    def __init__(
        self, instruments: Mapping[str, Instrument], *, only: Instrument | None, block_rows: int
    ) -> None:
        super().__init__(instruments, only=only, block_rows=block_rows)
        self._markets = {venue_symbol(symbol): wire_market(item) for symbol, item in self.chosen.items()}
        self._seen: dict[str, None] = {}

    @property
    def rounded(self) -> int:
        """Return how many sizes of book levels were rounded down so far."""
        return sum(market.level_quantity.rounded for market in self._markets.values())

    def begin(self) -> None:
        """Forget which symbols were seen."""
        self._seen = {}

    def parsed(self, body: bytes) -> Any:
        """Return the JSON of one frame."""
        return read_json(body)

    def events(self, received_ns: int, frame: Any) -> Sequence[Event]:
        """Return the event of one frame or note."""
        event = self._read_frame(received_ns, frame)
        return () if event is None else (event,)

    def _read_frame(self, received_ns: int, frame: Any) -> Event | None:
        if not isinstance(frame, dict):
            return None
        data = frame.get("data", frame)
        if not isinstance(data, dict):
            return None
        if is_note(frame):
            return read_note(received_ns, frame)
        if data is frame and "lastUpdateId" in data:
            market = self._market_of_snapshot()
            return read_snapshot(received_ns, market, data) if market else None
        read = READERS.get(kind_of(data))
        if read is None:
            return None
        market = self._market(data["s"])
        return read(received_ns, market, data) if market else None

    def _market(self, name: str) -> WireMarket | None:
        self._seen[name] = None
        market = self._markets.get(name)
        if market is None:
            self.refuse_unknown(name)
        return market

    def _market_of_snapshot(self) -> WireMarket | None:
        candidates = list(self._seen or self._markets)
        return self._markets.get(candidates[0]) if len(candidates) == 1 else None
