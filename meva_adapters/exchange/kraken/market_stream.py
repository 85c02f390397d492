"""Follow Kraken's public WebSocket v2 as events: trades, best quotes, proven books, closed bars; decide nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import orjson

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair
from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.reconnect import keep_up
from meva_adapters.transport.renewals import Renewals
from meva_adapters.transport.websocket import Patience, Send, StreamEndError, follow
from meva_adapters.wire.connection_notes import Record, note_of, note_of_malformed
from meva_adapters.wire.fields import CodecError, read_exact_json, row_of, rows_of, text
from meva_adapters.wire.kraken_market import MALFORMED, TIMEFRAMES, kraken_wire
from meva_adapters.wire.kraken_messages import KrakenMessages, by_symbol
from meva_adapters.wire.kraken_notes import Opening, given_up_note, opening_note
from meva_core.errors import ConfigError
from meva_core.events import Event, StreamConnected, StreamGapDetected, StreamLost
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.market_feed import Deliver

_ONLINE: Final = "online"
# A heartbeat comes every second when nothing else does, so five seconds of silence are none.
PATIENCE: Final = Patience(silence_s=5.0)
_DAY_NS: Final = 86_400 * NS_PER_SECOND


class KrakenMarketStream:
    """Follow *pairs* on one connection, books at *depth* (10, 25, 100, 500 or 1,000 levels).

    *jitter* draws from [0, 1). *record* gets every frame about a market as it came, and notes of what became of the
    connection, such that replaying them gives the events that were delivered.
    """

    def __init__(
        self,
        calls: KrakenCalls,
        transport: HttpTransport,
        *,
        stream_url: str,
        pairs: Sequence[KrakenPair],
        jitter: Callable[[], float],
        timeframes: Sequence[str] = (),
        depth: int = 25,
        patience: Patience | None = None,
        record: Record | None = None,
        name: str = "market",
    ) -> None:
        unknown = [frame for frame in timeframes if frame not in TIMEFRAMES]
        if unknown:
            known = ", ".join(TIMEFRAMES)
            raise ConfigError((f"timeframes: Kraken has no bars of {', '.join(unknown)}. It has {known}.",))
        self._calls = calls
        self._clock = calls.clock
        self._note_anomaly = calls.note_anomaly
        self._session = transport.session
        self._url = stream_url
        self._pairs = {pair.instrument.symbol: pair for pair in pairs}
        wires = {
            pair.instrument.symbol: kraken_wire(
                pair.instrument, price_decimals=pair.price_decimals, quantity_decimals=pair.quantity_decimals
            )
            for pair in pairs
        }
        self._timeframes = tuple(timeframes)
        self._depth = depth
        self._backoff = Backoff(jitter)
        self._patience = patience or PATIENCE
        self._name = name
        self._record = record
        self._day = -1
        self._messages = KrakenMessages(name, wires, depth=depth)
        self._books = self._messages.books
        self._renewals = Renewals(self._renew, clock=calls.clock, jitter=jitter)
        self._send: Send | None = None
        self._system = _ONLINE
        self._awaited = 0
        self._up = False
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """Return the stream's name in events."""
        return self._name

    @property
    def checksums_verified(self) -> int:
        """Return how many changes of books were proven."""
        return self._books.verified

    async def run(self, deliver: Deliver) -> None:
        """Follow until cancelled."""

        def ended(reason: str) -> None:
            if self._up:
                self._up = False
                deliver(self._noted(StreamLost(self._clock.now_ns(), self._name, reason)))

        try:
            await keep_up(lambda: self._once(deliver), clock=self._clock, backoff=self._backoff, ended=ended)
        finally:
            self._renewals.stop()

    def renew_book(self, symbol: str) -> None:
        """Subscribe to the book of *symbol* anew, though its checksums were true."""
        self._renewals.ask(symbol)

    async def _once(self, deliver: Deliver) -> str:
        async def opened(send: Send) -> None:
            self._send = send
            self._books.begin()
            self._begin_files(self._clock.now_ns(), connected=True)
            requests = self._subscriptions()
            self._awaited = len(requests) * len(self._pairs)
            for request in requests:
                await send(request)

        def heard(raw: str) -> None:
            for event in self._read(raw):
                deliver(event)
                if isinstance(event, StreamGapDetected):
                    self._renew(event.symbol)

        try:
            return await follow(
                self._session,
                self._url,
                patience=self._patience,
                opened=opened,
                heard=heard,
                answered=lambda: self._up,
            )
        finally:
            self._send = None
            for task in self._sending:
                task.cancel()

    def _subscriptions(self) -> list[str]:
        wanted: list[dict[str, Any]] = [
            {"channel": "trade", "snapshot": False},
            {"channel": "ticker", "event_trigger": "bbo"},
            {"channel": "book", "depth": self._depth},
            *({"channel": "ohlc", "interval": TIMEFRAMES[frame]} for frame in self._timeframes),
        ]
        return [_request("subscribe", params | {"symbol": list(self._pairs)}) for params in wanted]

    def _renew(self, symbol: str) -> None:
        """Give the book up, and ask for it again where there is a connection; the next one begins with it anyhow."""
        if symbol not in self._books.broken:
            self._books.broken.add(symbol)
            self._keep(symbol, self._clock.now_ns(), given_up_note(symbol))
        if self._send is not None:
            self._start(self._subscribe_again(self._send, symbol))

    async def _subscribe_again(self, send: Send, symbol: str) -> None:
        params = {"channel": "book", "depth": self._depth, "symbol": [symbol]}
        self._awaited += 2  # The answers, which tell nothing new.
        try:
            await send(_request("unsubscribe", params))
            await send(_request("subscribe", params))
        except OSError:
            return  # The connection is gone, and the next one begins anew.

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _read(self, raw: str) -> Sequence[Event]:
        received_ns = self._clock.now_ns()
        self._begin_files(received_ns)
        try:
            message = row_of(read_exact_json(raw))
            if "method" in message:
                return self._answered(message, received_ns)
            channel = text(message, "channel")
            if channel == "heartbeat":
                return []
            if channel == "status":
                return self._status(message)
            events = self._messages.read(channel, message, received_ns)
            kept = by_symbol(raw, message) if self._record is not None else {}
        except MALFORMED as exc:
            problem = f"{type(exc).__name__} in {raw[:80]}"
            self._note_anomaly("malformed_frame", problem)
            self._keep("", received_ns, note_of_malformed(raw, problem))
            return []
        for symbol, frame in kept.items():
            self._keep(symbol, received_ns, frame)
        return events

    def _begin_files(self, now_ns: int, *, connected: bool = False) -> None:
        """Let a connection, and the file of each day, begin with what is needed to read it alone."""
        day = now_ns // _DAY_NS
        if self._record is None or not (connected or day > self._day):
            return
        self._day = max(day, self._day)
        for symbol, pair in self._pairs.items():
            opening = Opening(
                symbol=symbol,
                price_decimals=pair.price_decimals,
                quantity_decimals=pair.quantity_decimals,
                depth=self._depth,
                number=self._books.number(symbol),
                book=None if symbol in self._books.broken else self._books.books[symbol].levels(),
            )
            self._keep(symbol, now_ns, opening_note(opening))

    def _noted(self, event: StreamConnected | StreamLost) -> StreamConnected | StreamLost:
        self._begin_files(event.time_ns)
        self._keep("", event.time_ns, note_of(event))
        return event

    def _keep(self, symbol: str, time_ns: int, line: str) -> None:
        if self._record is not None:
            self._record(symbol, time_ns, line)

    def _answered(self, message: dict[str, Any], received_ns: int) -> list[Event]:
        if message.get("success") is not True:
            told = str(message.get("error"))[:200]
            self._note_anomaly("refused_subscription", told)
            raise StreamEndError(f"the venue refused: {told}")
        self._awaited -= 1
        if self._awaited or self._up:
            return []
        self._up = True
        return [self._noted(StreamConnected(received_ns, self._name))]

    def _status(self, message: dict[str, Any]) -> list[Event]:
        """Have the rules looked at when the venue says that its state is another."""
        rows = rows_of(message.get("data"))
        if not rows:
            raise CodecError("a status without a state")
        system = text(rows[0], "system")
        if system != self._system:
            self._system = system
            self._calls.on_market_doubt()
        return []


def _request(method: str, params: dict[str, Any]) -> str:
    return orjson.dumps({"method": method, "params": params}).decode()
