"""Read recorded Binance frames, `<receive ns> <JSON>` a line, into events; keep no order book.

Combined and raw streams of trades, best quotes and depth changes, and the REST depth snapshot
(developers.binance.com, spot, "WebSocket Streams"). Other kinds are counted and passed over.
Prices and trades are exact. Sizes in a book may be off the lot grid (orders older than the grid rest there:
5 of 235,000 levels in two recordings of 2024-08-08); they are rounded down to whole lots, and counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson
from attrs import frozen

from meva_adapters.feed.grid import INT64_MAX, BadCellError, Grid, price_grid, quantity_grid
from meva_adapters.feed.ordering import Numbered
from meva_adapters.feed.recording import Recording
from meva_adapters.feed.symbols import venue_symbol
from meva_adapters.feed.times import unit_ns
from meva_core.errors import DataError
from meva_core.events import BookChanged, Event, QuoteReceived, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.ports.market_feed import EventBlock

FRAME: Final = re.compile(rb"[0-9]{1,19} [{\[]")  # How every line of such a recording begins.
_ROW_BYTES: Final = 256
_BEST_QUOTE: Final = frozenset({"u", "s", "b", "B", "a", "A"})  # A bookTicker names no event.
_MEND: Final = "Mend or remove the line; the recording may have been cut short."


@frozen
class _Market:
    """Hold what turns one symbol's text into integers. A side of a quote may be empty, a level removed."""

    symbol: str
    price: Grid
    quantity: Grid
    quote_price: Grid
    level_quantity: Grid


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
        self._markets = {venue_symbol(symbol): _market(chosen[symbol]) for symbol in chosen}
        self._seen: dict[str, None] = {}
        self._read_bytes = block_rows * _ROW_BYTES
        self._kinds: dict[str, Callable[[int, _Market, dict[str, Any]], Event]] = {
            "trade": _trade,
            "depthUpdate": _depth,
            "bookTicker": _quote,
        }

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
        if data is frame and "lastUpdateId" in data:
            market = self._market_of_snapshot()
            return _snapshot(received_ns, market, data) if market else None
        kind = data.get("e") or ("bookTicker" if data.keys() >= _BEST_QUOTE else "")
        read = self._kinds.get(kind)
        if read is None:
            return None
        market = self._market(data["s"])
        return read(received_ns, market, data) if market else None

    def _market(self, name: str) -> _Market | None:
        self._seen[name] = None
        market = self._markets.get(name)
        if market is None and not self._one_only:
            known = ", ".join(self._symbols) or "none"
            raise BadCellError(
                f"symbol {name!r} belongs to no configured instrument (configured: {known}).",
                "Configure it, or name the one symbol to read as in BTC/USDT=<file>.",
            )
        return market

    def _market_of_snapshot(self) -> _Market | None:
        candidates = list(self._seen or self._markets)
        return self._markets.get(candidates[0]) if len(candidates) == 1 else None


def _market(instrument: Instrument) -> _Market:
    return _Market(
        symbol=instrument.symbol,
        price=price_grid("price", instrument),
        quantity=quantity_grid("quantity", instrument),
        quote_price=Grid("quoted price", instrument, setting="tick_size", zero_ok=True),
        level_quantity=quantity_grid("level quantity", instrument, zero_ok=True, round_down=True),
    )


def _trade(received_ns: int, market: _Market, data: dict[str, Any]) -> TradeReceived:
    return TradeReceived(
        time_ns=received_ns,
        symbol=market.symbol,
        price_ticks=market.price.steps(data["p"]),
        quantity_lots=market.quantity.steps(data["q"]),
        taker_side=Side.SELL if data["m"] else Side.BUY,  # m: the buyer was the maker, so the taker sold.
        trade_id=_whole(data["t"]),
        venue_time_ns=_venue_ns(data["T"]),
    )


def _quote(received_ns: int, market: _Market, data: dict[str, Any]) -> QuoteReceived:
    return QuoteReceived(
        time_ns=received_ns,
        symbol=market.symbol,
        bid_ticks=market.quote_price.steps(data["b"]),
        bid_lots=market.level_quantity.steps(data["B"]),
        ask_ticks=market.quote_price.steps(data["a"]),
        ask_lots=market.level_quantity.steps(data["A"]),
        update_id=_whole(data["u"]),
    )


def _depth(received_ns: int, market: _Market, data: dict[str, Any]) -> BookChanged:
    return BookChanged(
        time_ns=received_ns,
        symbol=market.symbol,
        snapshot=False,
        first_update_id=_whole(data["U"]),
        last_update_id=_whole(data["u"]),
        bids=_levels(market, data["b"]),
        asks=_levels(market, data["a"]),
        venue_time_ns=_venue_ns(data["E"]),
    )


def _snapshot(received_ns: int, market: _Market, data: dict[str, Any]) -> BookChanged:
    update_id = _whole(data["lastUpdateId"])
    return BookChanged(
        time_ns=received_ns,
        symbol=market.symbol,
        snapshot=True,
        first_update_id=update_id,
        last_update_id=update_id,
        bids=_levels(market, data["bids"]),
        asks=_levels(market, data["asks"]),
    )


def _levels(market: _Market, levels: list[list[str]]) -> tuple[tuple[int, int], ...]:
    price, quantity = market.price.steps, market.level_quantity.steps
    return tuple([(price(level[0]), quantity(level[1])) for level in levels])


def _venue_ns(value: Any) -> int:
    return _whole(value) * unit_ns(value)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(value)
    return value
