"""Read recorded Binance frames, `<receive ns> <JSON>` a line, into events; keep no order book.

Combined and raw streams of trades, best quotes, depth changes and closed bars, the REST depth snapshot
(developers.binance.com, spot, "WebSocket Streams"), and our notes of connections. Other kinds are counted and
passed over.
Prices and trades are exact. Sizes in a book may be off the lot grid (orders older than the grid rest there:
5 of 235,000 levels in two recordings of 2024-08-08); they are rounded down to whole lots, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from meva_adapters.feed.ordering import Numbered
from meva_adapters.feed.recording import Recording
from meva_adapters.wire.binance_market import READERS, WireMarket, kind_of, read_snapshot, wire_market
from meva_adapters.wire.connection_notes import is_note, read_note
from meva_adapters.wire.grid import INT64_MAX, BadCellError
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import DataError
from meva_core.events import Event
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import EventBlock

FRAME: Final = re.compile(rb"[0-9]{1,19} [{\[]")  # How every line of such a recording begins.
_ROW_BYTES: Final = 256
_MEND: Final = "Mend or remove the line; the recording may have been cut short."


class FrameReader:
    """Read frames of the *instruments*, or of *only* one of them.

    A snapshot does not name its symbol: it belongs to the only symbol that the recording has shown so far.
    """

    def __init__(
        self, instruments: Mapping[str, Instrument], *, only: Instrument | None, block_rows: int
    ) -> None:
        chosen = {only.symbol: only} if only else dict(instruments)
        self.skipped = 0
        self._symbols = tuple(chosen)
        self._one_only = only is not None
        self._markets = {venue_symbol(symbol): wire_market(chosen[symbol]) for symbol in chosen}
        self._seen: dict[str, None] = {}
        self._read_bytes = block_rows * _ROW_BYTES

    @property
    def rounded(self) -> int:
        """Return how many sizes of book levels were rounded down so far."""
        return sum(market.level_quantity.rounded for market in self._markets.values())

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return the unified symbols that may come."""
        return self._symbols

    def read(self, recording: Recording) -> Iterator[Numbered]:
        """Yield events with their lines; raise `DataError` at a malformed line, after those before it."""
        self.skipped = 0
        self._seen = {}
        for first, text in recording.lines(self._read_bytes):
            lines: list[int] = []
            events: list[Event] = []
            fault: DataError | None = None
            for line, frame in enumerate(text.split(b"\n")[:-1], first):
                try:
                    event = self._event(frame)
                except BadCellError as exc:
                    fault = DataError(recording.source, line, exc.problem, exc.remedy)
                    break
                if event is None:
                    self.skipped += 1
                else:
                    lines.append(line)
                    events.append(event)
            if events:
                yield lines, EventBlock(events)
            if fault:
                raise fault

    def _event(self, line: bytes) -> Event | None:
        received, _, body = line.partition(b" ")
        if not received.isdigit() or len(received) > 19 or int(received) > INT64_MAX:  # noqa: PLR2004 - 64 bits.
            raise BadCellError(f"{line[:60]!r} does not begin with a receive time in ns.", _MEND)
        try:
            frame = orjson.loads(body)
        except orjson.JSONDecodeError as exc:
            raise BadCellError(f"{body[-60:]!r} is the end of no valid JSON ({exc}).", _MEND) from exc
        try:
            return self._read_frame(int(received), frame)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            problem = f"{body[:60]!r} is no such frame as its kind promises ({type(exc).__name__} {exc})."
            raise BadCellError(problem, _MEND) from exc

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
        if market is None and not self._one_only:
            known = ", ".join(self._symbols) or "none"
            raise BadCellError(
                f"symbol {name!r} belongs to no configured instrument (configured: {known}).",
                "Configure it, or name the one symbol to read as in BTC/USDT=<file>.",
            )
        return market

    def _market_of_snapshot(self) -> WireMarket | None:
        candidates = list(self._seen or self._markets)
        return self._markets.get(candidates[0]) if len(candidates) == 1 else None
