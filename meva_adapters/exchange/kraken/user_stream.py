"""Follow what happens to our orders over Kraken's private WebSocket v2; close no gap itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.market_stream import PATIENCE
from meva_adapters.exchange.kraken.trades import OwnTrades
from meva_adapters.exchange.kraken.user_events import ExecutionReader
from meva_adapters.transport.account_stream import AccountStream
from meva_adapters.transport.http import HttpTransport, NotSentError
from meva_adapters.transport.websocket import Patience, StreamEndError
from meva_adapters.wire.fields import CodecError, read_exact_json, row_of, text, whole
from meva_adapters.wire.kraken_market import MALFORMED
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderFilled,
    OrderOutcomeUnknown,
)

_PASSED_OVER: Final = frozenset({"heartbeat", "status"})


class KrakenUserStream(AccountStream):
    """Subscribe with a token that each connection asks for; *trades* learns the names of orders."""

    PING = '{"method":"ping"}'

    def __init__(
        self,
        calls: KrakenCalls,
        transport: HttpTransport,
        *,
        stream_url: str,
        jitter: Callable[[], float],
        trades: OwnTrades | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(
            transport.session,
            stream_url,
            clock=calls.clock,
            jitter=jitter,
            patience=patience or PATIENCE,
        )
        self._calls = calls
        self._trades = trades
        self._reader = ExecutionReader()
        self._sequence: int | None = None

    async def _subscription(self) -> str:
        self._sequence = None  # Each connection numbers its own messages.
        try:
            token = text(row_of(await self._calls.private("GetWebSocketsToken", [], reserve=True)), "token")
        except (NotSentError, VenueRefusedError, VenueUnknownError, CodecError) as exc:
            self._calls.note_anomaly("no_token", str(exc))
            raise StreamEndError(f"no token: {exc}") from exc
        params = {"channel": "executions", "token": token, "snap_orders": True, "snap_trades": False}
        return orjson.dumps({"method": "subscribe", "params": params}).decode()

    def _read(self, raw: str) -> list[Event]:
        received_ns = self._calls.clock.now_ns()
        try:
            message = row_of(read_exact_json(raw))
            if "method" in message:
                return self._answered(message, received_ns)
            channel = text(message, "channel")
        except CodecError as exc:
            # Had it told of an order, the number of the next message shows that one is missing.
            self._calls.note_anomaly("malformed_user_event", exc.problem)
            return []
        if channel == "executions":
            return self._executed(message, received_ns)
        if channel not in _PASSED_OVER:
            self._calls.note_anomaly("unknown_channel", channel[:40])
        return []

    def _executed(self, message: dict[str, Any], received_ns: int) -> list[Event]:
        try:
            self._count(message)
            told = self._reader.read(message, received_ns)
        except MALFORMED as exc:
            self._calls.note_anomaly("malformed_user_event", str(exc)[:200])
            # What it told may have been a fill: a new connection is followed by a comparison with the venue.
            raise StreamEndError("a message about our orders is malformed") from exc
        for order_id, event in told:
            self._learn(order_id, event)
        return [event for _, event in told]

    def _count(self, message: dict[str, Any]) -> None:
        """Ask for a new connection where a message is missing; the venue numbers them."""
        if "sequence" not in message:
            return
        sequence, last = whole(message, "sequence"), self._sequence
        self._sequence = sequence
        if last is not None and sequence != last + 1:
            raise StreamEndError(f"message {last + 1} is missing, {sequence} came")

    def _answered(self, message: dict[str, Any], received_ns: int) -> list[Event]:
        if message.get("method") == "pong":
            return []
        if message.get("success") is not True:
            told = str(message.get("error"))[:200]
            self._calls.note_anomaly("refused_subscription", told)
            raise StreamEndError(f"the venue refused: {told}")
        return self._granted(received_ns)

    def _learn(self, order_id: str, event: Event) -> None:
        if isinstance(event, OrderOutcomeUnknown):
            self._calls.note_anomaly("unknown_execution", event.problem)
        if self._trades is None:
            return
        if isinstance(event, OrderFilled):
            self._trades.learn(order_id, event.fill.client_order_id)
        elif isinstance(event, OrderAcknowledged):
            self._trades.learn(order_id, event.client_order_id)
