"""Follow Binance's combined market streams as events, books joined to their snapshots; keep no book."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import orjson

from meva_adapters.exchange.binance.book_numbers import BookNumbers
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.http import HttpTransport, NotSentError
from meva_adapters.transport.reconnect import keep_up
from meva_adapters.transport.renewals import Renewals
from meva_adapters.transport.websocket import Patience, Send, StreamEndError, follow
from meva_adapters.wire.binance_market import READERS, kind_of, read_snapshot, wire_market
from meva_adapters.wire.connection_notes import Record, note_of, note_of_malformed
from meva_adapters.wire.fields import CodecError, read_json, row_of
from meva_adapters.wire.grid import BadCellError
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import BookChanged, Event, StreamConnected, StreamGapDetected, StreamLost
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import Deliver

_SNAPSHOT_LEVELS: Final = 1_000
_SNAPSHOT_WEIGHT: Final = 50
# At 50 of 6,000 a minute, quarter seconds between the questions would take what orders and searches need.
_SNAPSHOT_RETRY_S: Final = 0.25
_SNAPSHOT_RETRY_MAX_S: Final = 8.0
_MALFORMED: Final = (BadCellError, CodecError, KeyError, TypeError, ValueError, AttributeError, IndexError)


class BinanceMarketStream:
    """Follow trades, best quotes, depth and bars of *instruments* on one connection.

    *jitter* draws from [0, 1). *record* gets every frame and snapshot as it came, and notes of what became of the
    connection, such that replaying them gives the events that were delivered.
    """

    def __init__(
        self,
        calls: BinanceCalls,
        transport: HttpTransport,
        *,
        stream_url: str,
        instruments: Iterable[Instrument],
        jitter: Callable[[], float],
        timeframes: Sequence[str] = (),
        patience: Patience | None = None,
        record: Record | None = None,
        name: str = "market",
    ) -> None:
        self._calls = calls
        self._session = transport.session
        self._markets = {venue_symbol(item.symbol): wire_market(item) for item in instruments}
        kinds = ("trade", "bookTicker", "depth@100ms", *(f"kline_{frame}" for frame in timeframes))
        streams = "/".join(f"{symbol.lower()}@{kind}" for symbol in self._markets for kind in kinds)
        self._url = f"{stream_url.rstrip('/')}/stream?streams={streams}"
        self._backoff = Backoff(jitter)
        self._jitter = jitter
        self._patience = patience or Patience()
        self._renewals = Renewals(self._renew, clock=calls.clock, jitter=jitter)
        self._record = record
        self._name = name
        self._numbers: dict[str, BookNumbers] = {}
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._up = False

    @property
    def name(self) -> str:
        """Return the stream's name in events."""
        return self._name

    async def run(self, deliver: Deliver) -> None:
        """Follow until cancelled."""
        clock = self._calls.clock

        def ended(reason: str) -> None:
            if self._up:
                self._up = False
                self._tell(StreamLost(clock.now_ns(), self._name, reason), deliver)

        try:
            await keep_up(lambda: self._once(deliver), clock=clock, backoff=self._backoff, ended=ended)
        finally:
            self._stop_fetching()
            self._renewals.stop()

    def renew_book(self, symbol: str) -> None:
        """Join the changes of *symbol* to a new snapshot, though none was missed."""
        self._renewals.ask(venue_symbol(symbol))

    def _renew(self, symbol: str) -> None:
        if symbol in self._numbers and symbol not in self._fetching:
            self._numbers[symbol].renew()  # The next change fetches the snapshot.

    async def _once(self, deliver: Deliver) -> str:
        self._numbers = {symbol: BookNumbers() for symbol in self._markets}

        async def opened(_send: Send) -> None:
            self._up = True
            self._tell(StreamConnected(self._calls.clock.now_ns(), self._name), deliver)

        def heard(text: str) -> None:
            for event in self._read(text, deliver):
                deliver(event)

        try:
            return await follow(self._session, self._url, patience=self._patience, opened=opened, heard=heard)
        finally:
            self._stop_fetching()

    def _read(self, text: str, deliver: Deliver) -> list[Event]:
        received_ns = self._calls.clock.now_ns()
        symbol = ""
        try:
            frame = row_of(read_json(text))
            data = row_of(frame.get("data", frame))
            kind = kind_of(data)
            if kind == "serverShutdown":
                raise StreamEndError("the venue shuts this server down")
            read = READERS.get(kind)
            market = self._markets.get(data["s"]) if read else None
            if market is None or read is None:
                self._calls.note_anomaly("unknown_frame", text[:80])
                return []
            symbol = market.symbol
            event = read(received_ns, market, data)
        except _MALFORMED as exc:
            problem = f"{type(exc).__name__} in {text[:80]}"
            self._calls.note_anomaly("malformed_frame", problem)
            self._keep(symbol, received_ns, note_of_malformed(text, problem))
            return []
        events: list[Event] = [event] if event else []
        if isinstance(event, BookChanged):
            events = self._numbered(data["s"], event, deliver)
        notes = [note_of(told) for told in events if isinstance(told, StreamGapDetected)]
        begun = [self._keep(symbol, received_ns, line) for line in (*notes, text)]
        if any(begun):
            self._numbers[data["s"]].renew()
        return events

    def _numbered(self, symbol: str, change: BookChanged, deliver: Deliver) -> list[Event]:
        numbers = self._numbers[symbol]
        expected = numbers.expected
        whole = numbers.take(change.first_update_id, change.last_update_id)
        if not numbers.synchronised and symbol not in self._fetching:
            task = asyncio.create_task(self._fetch(symbol, numbers, deliver))
            self._fetching[symbol] = task
        if whole:
            return [change]
        gap = StreamGapDetected(change.time_ns, self._name, change.symbol, expected, change.first_update_id)
        return [gap, change]

    async def _fetch(self, symbol: str, numbers: BookNumbers, deliver: Deliver) -> None:
        """Fetch snapshots until one joins the changes."""
        parameters = [("symbol", symbol), ("limit", str(_SNAPSHOT_LEVELS))]
        market = self._markets[symbol]
        waits = Backoff(self._jitter, first_s=_SNAPSHOT_RETRY_S, longest_s=_SNAPSHOT_RETRY_MAX_S)
        while True:
            try:
                data = await self._calls.public("/api/v3/depth", parameters, weight=_SNAPSHOT_WEIGHT)
                snapshot = read_snapshot(self._calls.clock.now_ns(), market, row_of(data))
            except (NotSentError, VenueRefusedError, VenueUnknownError, *_MALFORMED) as exc:
                self._calls.note_anomaly("no_snapshot", f"{symbol}: {type(exc).__name__}")
            else:
                if numbers.take_snapshot(snapshot.last_update_id):
                    self._fetching.pop(symbol, None)
                    self._keep(market.symbol, snapshot.time_ns, orjson.dumps(data).decode())
                    deliver(snapshot)
                    return
            await asyncio.sleep(waits.next_s())

    def _stop_fetching(self) -> None:
        for task in self._fetching.values():
            task.cancel()
        self._fetching = {}

    def _keep(self, symbol: str, time_ns: int, text: str) -> bool:
        return self._record is not None and self._record(symbol, time_ns, text)

    def _tell(self, event: StreamConnected | StreamLost, deliver: Deliver) -> None:
        self._keep("", event.time_ns, note_of(event))
        deliver(event)
