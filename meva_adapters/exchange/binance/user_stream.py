"""Follow what happens to our account over Binance's WebSocket API; close no gap itself.

After every connection the core compares itself with the venue: open orders, own trades, balances.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.signer import Signer, signed_params
from meva_adapters.exchange.binance.trades import OwnTrades
from meva_adapters.exchange.binance.user_events import UnknownEventError, read_user_event
from meva_adapters.transport.backoff import Backoff
from meva_adapters.transport.http import HttpTransport, NotSentError
from meva_adapters.transport.reconnect import keep_asking, keep_up
from meva_adapters.transport.websocket import Patience, Send, StreamEndError, follow
from meva_adapters.wire.fields import CodecError, read_json, row_of
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderFilled,
    OrderOutcomeUnknown,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
)
from meva_core.model.market import NS_PER_MS
from meva_core.ports.market_feed import Deliver

_NAME: Final = "user"
_SUBSCRIBE: Final = "subscribe"
_OK: Final = 200
_PING: Final = '{"id":"ping","method":"ping"}'


class BinanceUserStream:
    """Subscribe with a signature, whatever the kind of key; *trades* learns the names of orders."""

    def __init__(
        self,
        calls: BinanceCalls,
        transport: HttpTransport,
        signer: Signer,
        *,
        ws_api_url: str,
        symbols: Iterable[str],
        jitter: Callable[[], float],
        trades: OwnTrades | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._calls = calls
        self._session = transport.session
        self._signer = signer
        self._url = ws_api_url
        self._ours = {venue_symbol(symbol): symbol for symbol in symbols}
        self._backoff = Backoff(jitter)
        self._trades = trades
        self._patience = patience or Patience()
        self._up = False

    @property
    def name(self) -> str:
        """Return `user`."""
        return _NAME

    async def run(self, deliver: Deliver) -> None:
        """Follow until cancelled."""
        clock = self._calls.clock

        def ended(reason: str) -> None:
            if self._up:
                self._up = False
                deliver(StreamLost(clock.now_ns(), _NAME, reason))

        await keep_up(lambda: self._once(deliver), clock=clock, backoff=self._backoff, ended=ended)

    async def _once(self, deliver: Deliver) -> str:
        asking: list[asyncio.Task[None]] = []

        async def opened(send: Send) -> None:
            await send(await self._subscription())
            # An account may have nothing to tell for hours.
            ask = keep_asking(send, _PING, every_s=self._patience.silence_s / 3)
            asking.append(asyncio.create_task(ask))

        def heard(text: str) -> None:
            for event in self._read(text):
                deliver(event)

        try:
            return await follow(self._session, self._url, patience=self._patience, opened=opened, heard=heard)
        finally:
            for task in asking:
                task.cancel()

    async def _subscription(self) -> str:
        try:
            if self._calls.offset_ns is None:
                await self._calls.measure_clock()
        except (NotSentError, VenueRefusedError, VenueUnknownError) as exc:
            raise StreamEndError(f"the venue's clock is not known: {exc}") from exc
        params = signed_params(
            {
                "apiKey": self._calls.api_key,
                "recvWindow": self._calls.recv_window_ms,
                "timestamp": self._calls.venue_ns() // NS_PER_MS,
            },
            self._signer,
        )
        request = {"id": _SUBSCRIBE, "method": "userDataStream.subscribe.signature", "params": params}
        return orjson.dumps(request).decode()

    def _read(self, text: str) -> list[Event]:
        """Read one message. One that cannot be read may have told of a fill, so it is a gap: books are compared."""
        received_ns = self._calls.clock.now_ns()
        try:
            message = row_of(read_json(text))
            if "event" not in message:
                return self._answered(message, received_ns)
            data = row_of(message["event"])
            if data.get("e") in ("serverShutdown", "eventStreamTerminated"):
                raise StreamEndError(f"the venue says {data['e']}")
            events = read_user_event(data, received_ns, self._ours)
        except UnknownEventError as exc:
            self._calls.note_anomaly("unknown_user_event", exc.problem)
            return []
        except CodecError as exc:
            self._calls.note_anomaly("malformed_user_event", exc.problem)
            return [StreamGapDetected(received_ns, _NAME, symbol="", expected_id=0, received_id=0)]
        for event in events:
            self._learn(event, data)
        return events

    def _answered(self, message: dict[str, Any], received_ns: int) -> list[Event]:
        if message.get("status") == _OK:
            if message.get("id") != _SUBSCRIBE:
                return []
            self._up = True
            return [StreamConnected(received_ns, _NAME)]
        error = message.get("error")
        told = f"{error.get('code')} {error.get('msg')}" if isinstance(error, dict) else "an error"
        self._calls.offset_ns = None  # The clock may be the reason: it is measured before the next try.
        raise StreamEndError(f"the venue refused: {told[:200]}")

    def _learn(self, event: Event, data: dict[str, Any]) -> None:
        if isinstance(event, OrderOutcomeUnknown):
            self._calls.note_anomaly("unknown_execution", event.problem)
        if self._trades is None:
            return
        if isinstance(event, OrderFilled):
            fill = event.fill
            self._trades.learn(fill.symbol, fill.venue_order_id, fill.client_order_id)
        elif isinstance(event, OrderAcknowledged):
            symbol = self._ours.get(data["s"], data["s"])
            self._trades.learn(symbol, event.venue_order_id, event.client_order_id)
