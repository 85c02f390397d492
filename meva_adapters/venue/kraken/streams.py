"""Speak Kraken's WebSocket v2: who listens to which channel; what markets send is in `channels`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import orjson
from aiohttp import web

from meva_adapters.venue.accounts import Account, Listener
from meva_adapters.venue.connection import Connection
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.faults import FaultKind
from meva_adapters.venue.kraken.channels import Channels
from meva_adapters.venue.kraken.exact_json import exact_json
from meva_adapters.venue.kraken.rows import Rows
from meva_adapters.venue.kraken.tokens import Tokens
from meva_adapters.venue.rows import Json

PUBLIC_PATH: Final = "/v2"
PRIVATE_PATH: Final = "/auth/v2"
_HEARTBEAT_S: Final = 1.0
_EVER_MS: Final = 1 << 62
_MS: Final = 1000
_HEARTBEAT: Final = b'{"channel":"heartbeat"}'


class Subscriber:
    """Hold one connection, the topics that it listens to, and the account whose orders it hears of."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.topics: dict[tuple[str, str, int], None] = {}
        self.account: Account | None = None
        self.listener: Listener | None = None
        self.sequence = 0

    def end(self) -> None:
        """Hear of no account any more."""
        if self.account is not None and self.listener is not None:
            self.account.listeners.remove(self.listener)
        self.account = self.listener = None


class KrakenStreams:
    """Serve both sockets."""

    def __init__(self, exchange: Exchange, *, channels: Channels, rows: Rows, tokens: Tokens) -> None:
        self._exchange = exchange
        self._channels = channels
        self._rows = rows
        self._tokens = tokens
        self.subscribers: dict[Subscriber, None] = {}
        channels.publish = self._publish

    def add_routes(self, app: web.Application) -> None:
        """Add the two paths, which are two hosts at the venue."""
        app.router.add_get(PUBLIC_PATH, self._serve_public)
        app.router.add_get(PRIVATE_PATH, self._serve_private)

    async def run(self) -> None:
        """Send heartbeats to whoever listens to something."""
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            for subscriber in self.subscribers:
                if subscriber.topics or subscriber.account:
                    subscriber.connection.send_bytes(_HEARTBEAT)

    def announce(self, system: str) -> None:
        """Tell every connection the state of the venue."""
        for subscriber in self.subscribers:
            subscriber.connection.send_bytes(_status(system))

    async def _serve_public(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "market")

    async def _serve_private(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, "user")

    async def _serve(self, request: web.Request, scope: str) -> web.StreamResponse:
        connection = Connection(request, scope)
        await connection.open()
        subscriber = Subscriber(connection)
        self.subscribers[subscriber] = None
        connection.send_bytes(_status(self._channels.pairs.system))

        async def on_text(text: str) -> None:
            self._handle(subscriber, text)

        try:
            await connection.run(on_text)
        finally:
            del self.subscribers[subscriber]
            subscriber.end()
        return connection.response()

    def _handle(self, subscriber: Subscriber, text: str) -> None:
        try:
            message = orjson.loads(text)
            method, params = message["method"], message.get("params") or {}
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            _answer(subscriber, {"method": None, "success": False, "error": "Malformed request"})
            return
        head = {"method": method} | ({"req_id": message["req_id"]} if "req_id" in message else {})
        match method, params.get("channel"):
            case "ping", _:
                _answer(subscriber, {"method": "pong"} | head | {"method": "pong"})
            case (("subscribe" | "unsubscribe"), "executions"):
                self._account_channel(subscriber, head, params)
            case (("subscribe" | "unsubscribe"), str()) if subscriber.connection.scope == "market":
                self._market_channel(subscriber, head, params)
            case _:
                _answer(subscriber, head | {"success": False, "error": "Method or channel not supported"})

    def _market_channel(self, subscriber: Subscriber, head: Json, params: Json) -> None:
        channel, symbols = params["channel"], params.get("symbol")
        for symbol in symbols if isinstance(symbols, list) else []:
            topic = self._channels.topic(channel, symbol, params)
            if topic is None:
                problem = f"Currency pair or channel not supported {symbol}"
                _answer(subscriber, head | {"success": False, "error": problem, "symbol": symbol})
                continue
            _answer(subscriber, head | {"success": True, "result": {"channel": channel, "symbol": symbol}})
            if head["method"] == "unsubscribe":
                subscriber.topics.pop(topic, None)
                continue
            subscriber.topics[topic] = None
            snapshot = self._channels.snapshot(topic) if params.get("snapshot", True) else None
            if snapshot is not None:
                subscriber.connection.send_bytes(exact_json(snapshot))

    def _account_channel(self, subscriber: Subscriber, head: Json, params: Json) -> None:
        account = self._tokens.account(params.get("token"))
        if account is None or subscriber.connection.scope != "user":
            _answer(subscriber, head | {"success": False, "error": "ESession:Invalid session"})
            return
        subscriber.end()
        _answer(subscriber, head | {"success": True, "result": {"channel": "executions"}})
        if head["method"] == "unsubscribe":
            return
        orders = account.open_orders(None, as_of_ms=_EVER_MS) if params.get("snap_orders", True) else []
        self._tell(subscriber, "snapshot", [self._rows.snapshot(row) for row in orders])

        def listener(event: Json) -> None:
            self._report(subscriber, event["data"])

        subscriber.account, subscriber.listener = account, listener
        account.listeners.append(listener)

    def _report(self, subscriber: Subscriber, rows: list[Json]) -> None:
        """Send what happened, late or twice where a fault says so."""
        struck = {fault.kind: fault for fault in self._exchange.faults.for_user_event()}
        late = struck.get(FaultKind.LATE_USER_EVENTS)
        for _ in range(2 if FaultKind.DUPLICATE_USER_EVENTS in struck else 1):
            if late is None:
                self._tell(subscriber, "update", rows)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(late.milliseconds / _MS, self._tell, subscriber, "update", rows)

    def _tell(self, subscriber: Subscriber, kind: str, rows: list[Json]) -> None:
        subscriber.sequence += 1
        message = {"channel": "executions", "type": kind, "data": rows, "sequence": subscriber.sequence}
        subscriber.connection.send_bytes(exact_json(message))

    def _publish(self, topic: tuple[str, str, int], make: Callable[[], Any]) -> None:
        """Send a message to whoever listens to *topic*; it is made only if somebody does."""
        raw = b""
        for subscriber in tuple(self.subscribers):
            if topic in subscriber.topics:
                raw = raw or exact_json(make())
                subscriber.connection.send_bytes(raw)


def _answer(subscriber: Subscriber, answer: Json) -> None:
    subscriber.connection.send(answer)


def _status(system: str) -> bytes:
    data = {"api_version": "v2", "connection_id": 1, "system": system, "version": "2.0.0"}
    return exact_json({"channel": "status", "type": "update", "data": [data]})
