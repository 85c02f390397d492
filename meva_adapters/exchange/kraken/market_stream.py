"""Follow Kraken's public WebSocket v2 as events: trades, best quotes, proven books, closed bars; decide nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import orjson

from meva_adapters.exchange.kraken.bars import ClosedBars
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair
from meva_adapters.exchange.kraken.market_books import KrakenBooks
from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.http import HttpTransport
from meva_adapters.transport.reconnect import keep_up
from meva_adapters.transport.renewals import Renewals
from meva_adapters.transport.websocket import Patience, Send, StreamEndError, follow
from meva_adapters.wire.fields import CodecError, read_exact_json, row_of, rows_of, text
from meva_adapters.wire.kraken_market import (
    MALFORMED,
    TIMEFRAMES,
    KrakenWire,
    kraken_wire,
    read_quote,
    read_trade,
)
from meva_core.errors import ConfigError
from meva_core.events import Event, StreamConnected, StreamGapDetected, StreamLost
from meva_core.ports.market_feed import Deliver

_ONLINE: Final = "online"
# A heartbeat comes every second when nothing else does, so five seconds of silence are none.
PATIENCE: Final = Patience(silence_s=5.0)
_READERS: Final[Mapping[str, Callable[[int, KrakenWire, dict[str, Any]], Event]]] = {
    "trade": read_trade,
    "ticker": read_quote,
}


class KrakenMarketStream:
    """Follow *pairs* on one connection, books at *depth* (10, 25, 100, 500 or 1,000 levels).

    *jitter* draws from [0, 1).
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
        self._wires = {
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
        self._books = KrakenBooks(name, self._wires, depth=depth)
        self._renewals = Renewals(self._renew, clock=calls.clock, jitter=jitter)
        self._send: Send | None = None
        self._bars = ClosedBars(self._wires)
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
                deliver(StreamLost(self._clock.now_ns(), self._name, reason))

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
            requests = self._subscriptions()
            self._awaited = len(requests) * len(self._wires)
            for request in requests:
                await send(request)

        def heard(raw: str) -> None:
            for event in self._read(raw):
                deliver(event)
                if isinstance(event, StreamGapDetected):
                    self._renew(event.symbol)

        try:
            return await follow(self._session, self._url, patience=self._patience, opened=opened, heard=heard)
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
        return [_request("subscribe", params | {"symbol": list(self._wires)}) for params in wanted]

    def _renew(self, symbol: str) -> None:
        """Give the book up, and ask for it again where there is a connection; the next one begins with it anyhow."""
        self._books.broken.add(symbol)
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
        try:
            message = row_of(read_exact_json(raw))
            if "method" in message:
                return self._answered(message, received_ns)
            return self._told(message, received_ns)
        except MALFORMED as exc:
            self._note_anomaly("malformed_frame", f"{type(exc).__name__} in {raw[:80]}")
            return []

    def _told(self, message: dict[str, Any], received_ns: int) -> Sequence[Event]:
        channel = text(message, "channel")
        if channel == "heartbeat":
            return []
        if channel == "status":
            return self._status(message)
        rows = rows_of(message.get("data"))
        if channel == "book":
            return self._books.take(message, received_ns)
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

    def _answered(self, message: dict[str, Any], received_ns: int) -> list[Event]:
        if message.get("success") is not True:
            told = str(message.get("error"))[:200]
            self._note_anomaly("refused_subscription", told)
            raise StreamEndError(f"the venue refused: {told}")
        self._awaited -= 1
        if self._awaited or self._up:
            return []
        self._up = True
        return [StreamConnected(received_ns, self._name)]

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
