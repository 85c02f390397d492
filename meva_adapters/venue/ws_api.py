"""Speak the venue's WebSocket API: calls as messages, sessions, and the user data streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from meva_adapters.venue.accounts import Account, Listener
from meva_adapters.venue.calls import BY_NAME
from meva_adapters.venue.connection import Connection
from meva_adapters.venue.desk import Asked, Desk
from meva_adapters.venue.errors import ApiError
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.faults import FaultKind
from meva_adapters.venue.parameters import integer
from meva_adapters.venue.rows import Json
from meva_adapters.venue.signatures import as_text, socket_payload
from meva_adapters.venue.striking import ConnectionCut

PATH: Final = "/ws-api/v3"
_CONNECT_WEIGHT: Final = 2
_GONE: Final = 410
_MS: Final = 1000
_RETIRED: Final = frozenset({"userDataStream.start", "userDataStream.ping", "userDataStream.stop"})


class Session:
    """Hold what one connection is: who logged on, and which accounts it listens to."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.account: Account | None = None
        self.subscriptions: dict[int, tuple[Account, Listener]] = {}
        self.next_subscription = 0
        self.shows_limits = True

    def end(self) -> None:
        """Listen to nothing any more."""
        for account, listener in self.subscriptions.values():
            account.listeners.remove(listener)
        self.subscriptions.clear()


class SocketInterface:
    """Serve `/ws-api/v3`."""

    def __init__(self, exchange: Exchange, desk: Desk) -> None:
        self._exchange = exchange
        self._desk = desk
        self.sessions: dict[Session, None] = {}
        self._methods: dict[str, Callable[[Session, Asked], Any]] = {
            "session.logon": self._logon,
            "session.status": self._status,
            "session.logout": self._logout,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def add_routes(self, app: web.Application) -> None:
        """Add the one path."""
        app.router.add_get(PATH, self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        connection = Connection(request, "user")
        await connection.open()
        session = Session(connection)
        session.shows_limits = request.query.get("returnRateLimits", "true") != "false"
        self.sessions[session] = None
        self._exchange.weights(connection.address).charge(_CONNECT_WEIGHT, self._exchange.now_ms())
        running: set[asyncio.Task[None]] = set()

        async def on_text(text: str) -> None:
            # Each request runs on its own, so that a delayed one does not hold up those behind it.
            task = asyncio.create_task(self._handle(session, text))
            running.add(task)
            task.add_done_callback(running.discard)

        try:
            await connection.run(on_text)
        finally:
            del self.sessions[session]
            session.end()
        return connection.response()

    async def _handle(self, session: Session, text: str) -> None:
        number: Any = None
        try:
            # Numbers keep the text they came in: that text was signed.
            message = _request(json.loads(text, parse_float=str))
            number = message.get("id")
            result = await self._answer(
                session, message["method"].removeprefix("v3/"), message.get("params") or {}
            )
        except json.JSONDecodeError:
            self._refuse(session, number, ApiError(-1135, "Invalid JSON Request"))
        except ApiError as error:
            self._refuse(session, number, error)
        except ConnectionCut:
            session.connection.cut()
        else:
            self._send(session, {"id": number, "status": 200, "result": result})

    async def _answer(self, session: Session, method: str, raw: dict[str, Any]) -> Any:
        params = {name: _parameter(value) for name, value in raw.items() if value is not None}
        asked = Asked(
            params,
            session.connection.address,
            params.get("apiKey", ""),
            lambda: socket_payload(raw),
            session.account,
        )
        if method in _RETIRED:
            raise ApiError(-1000, f"{method} has been retired.", _GONE)
        if method in self._methods:
            self._exchange.weights(asked.address).charge(_CONNECT_WEIGHT, self._exchange.now_ms())
            return self._methods[method](session, asked)
        call = BY_NAME.get(method)
        if call is None:
            raise ApiError(-1000, f"Unknown method {method!r}.")
        return await self._desk.answer(call, asked)

    def _refuse(self, session: Session, number: Any, error: ApiError) -> None:
        body = error.body()
        if error.retry_after_s:
            now_ms = self._exchange.now_ms()
            body["data"] = {"serverTime": now_ms, "retryAfter": now_ms + error.retry_after_s * _MS}
        self._send(session, {"id": number, "status": error.status, "error": body})

    def _send(self, session: Session, answer: Json) -> None:
        if session.shows_limits:
            used = self._exchange.weights(session.connection.address).used(self._exchange.now_ms())
            answer["rateLimits"] = [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": self._exchange.settings.weight_limit,
                    "count": used,
                }
            ]
        session.connection.send(answer)

    def _logon(self, session: Session, asked: Asked) -> Json:
        account = self._desk.authenticated(asked)
        if not account.settings.public_key_pem:
            raise ApiError(-4056, "HMAC_SHA256 API key is not supported.")
        session.account = account
        return self._status(session, asked)

    def _status(self, session: Session, _asked: Asked) -> Json:
        now_ms = self._exchange.now_ms()
        return {
            "apiKey": session.account.settings.key if session.account else None,
            "authorizedSince": now_ms if session.account else None,
            "connectedSince": now_ms,
            "returnRateLimits": session.shows_limits,
            "serverTime": now_ms,
            "userDataStream": bool(session.subscriptions),
        }

    def _logout(self, session: Session, asked: Asked) -> Json:
        session.account = None
        session.end()
        return self._status(session, asked)

    def _subscriptions(self, session: Session, _asked: Asked) -> list[Json]:
        return [{"subscriptionId": number} for number in session.subscriptions]

    def _subscribe(self, session: Session, _asked: Asked) -> Json:
        if session.account is None:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return self._listen(session, session.account)

    def _subscribe_signed(self, session: Session, asked: Asked) -> Json:
        return self._listen(session, self._desk.authenticated(asked))

    def _unsubscribe(self, session: Session, asked: Asked) -> Json:
        wanted = integer(asked.params, "subscriptionId")
        numbers = list(session.subscriptions) if wanted is None else [wanted]
        for number in numbers:
            if number not in session.subscriptions:
                raise ApiError(-2036, "User Data Stream subscription is not active.")
            account, listener = session.subscriptions.pop(number)
            account.listeners.remove(listener)
        return {}

    def _listen(self, session: Session, account: Account) -> Json:
        if any(known is account for known, _ in session.subscriptions.values()):
            raise ApiError(-2035, "User Data Stream subscription is already active.")
        number = session.next_subscription
        session.next_subscription += 1

        def listener(event: Json) -> None:
            self._tell(session, {"subscriptionId": number, "event": event})

        session.subscriptions[number] = (account, listener)
        account.listeners.append(listener)
        return {"subscriptionId": number}

    def _tell(self, session: Session, message: Json) -> None:
        """Send an event, late or twice where a fault says so."""
        struck = {fault.kind: fault for fault in self._exchange.faults.for_user_event()}
        late = struck.get(FaultKind.LATE_USER_EVENTS)
        for _ in range(2 if FaultKind.DUPLICATE_USER_EVENTS in struck else 1):
            if late is None:
                session.connection.send(message)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(late.milliseconds / _MS, session.connection.send, message)


def _request(message: Any) -> Json:
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        raise ApiError(-1135, "Invalid JSON Request")
    if not isinstance(message.get("params") or {}, dict):
        raise ApiError(-1135, "Invalid JSON Request")
    return message


def _parameter(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value)
    return as_text(value)
