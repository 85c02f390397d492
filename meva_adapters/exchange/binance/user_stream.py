"""Follow what happens to our account over Binance's WebSocket API; close no gap itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.signer import Signer, signed_params
from meva_adapters.exchange.binance.trades import OwnTrades
from meva_adapters.exchange.binance.user_events import UnknownEventError, read_user_event
from meva_adapters.transport.account_stream import AccountStream
from meva_adapters.transport.http import HttpTransport, NotSentError
from meva_adapters.transport.websocket import Patience, StreamEndError
from meva_adapters.wire.fields import CodecError, read_json, row_of
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderFilled,
    OrderOutcomeUnknown,
    StreamGapDetected,
)
from meva_core.model.market import NS_PER_MS

_SUBSCRIBE: Final = "subscribe"
_OK: Final = 200


class BinanceUserStream(AccountStream):
    """Subscribe with a signature, whatever the kind of key; *trades* learns the names of orders."""

    PING = '{"id":"ping","method":"ping"}'

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
        super().__init__(
            transport.session,
            ws_api_url,
            clock=calls.clock,
            jitter=jitter,
            patience=patience or Patience(),
        )
        self._calls = calls
        self._signer = signer
        self._ours = {venue_symbol(symbol): symbol for symbol in symbols}
        self._trades = trades

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
            return [StreamGapDetected(received_ns, self.name, symbol="", expected_id=0, received_id=0)]
        for event in events:
            self._learn(event, data)
        return events

    def _answered(self, message: dict[str, Any], received_ns: int) -> list[Event]:
        if message.get("status") == _OK:
            if message.get("id") != _SUBSCRIBE:
                return []
            return self._granted(received_ns)
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
