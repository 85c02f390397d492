"""Serve the controls and the dashboard on an address; every wish goes to the operator's desk, none is decided here."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final

import attrs
import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from attrs import Factory, frozen

from meva_adapters.controls.access import Scope, TokenBook
from meva_adapters.controls.doorkeeper import BEARER, SCOPE_OF, Doorkeeper, DoorSettings, add_headers
from meva_adapters.controls.lanes import Lane
from meva_adapters.controls.messages import (
    AcknowledgeRequest,
    Alerts,
    BudgetRequest,
    CorrectionRequest,
    CostRequest,
    DecisionQuery,
    GoRequest,
    Health,
    Liveness,
    Orders,
    Pnl,
    Positions,
    Problem,
    SettlementRequest,
    StopRequest,
    StoryQuery,
    TransferRequest,
    Treasury,
    read_message,
    read_query,
    to_json,
)
from meva_adapters.controls.openapi import OPERATIONS, document
from meva_core.errors import ConfigError, StorageError
from meva_core.ports.controls import ControlAnswer, OperatorDesk

_UNKNOWN_ORDER: Final = (
    "this session knows no order of that name. Open orders stand in `orders`, those of the past in `decisions` and in a"
    " report's table of orders; one of an earlier session is told by `meva explain SESSION ORDER`"
)
_BODY_MAX: Final = 16 * 1024
_PAGE: Final = {
    "/": ("index.html", "text/html"),
    "/app.js": ("app.js", "text/javascript"),
    "/decisions.js": ("decisions.js", "text/javascript"),
    "/charts.js": ("charts.js", "text/javascript"),
    "/style.css": ("style.css", "text/css"),
}


@frozen(kw_only=True)
class ServerSettings:
    """Say where to serve. Port 0 takes a free one. *kill_port* is the lane that kill alone may use.

    An address beyond loopback needs *tls* and *allow_remote*, both. *names* are further `host:port` to answer to.
    """

    host: str = "127.0.0.1"
    port: int = 0
    kill_port: int = 0
    tls: ssl.SSLContext | None = None
    allow_remote: bool = False
    names: tuple[str, ...] = ()
    connections_max: int = 32
    kill_connections_max: int = 8
    streams_max: int = 8
    stream_every_s: float = 1.0
    heartbeat_age_ms_max: int = 2_000  # Two beats of a second; beyond, the loop answers but does not trade.
    door: DoorSettings = Factory(DoorSettings)


class ControlsServer:
    """Be the HTTP side of *desk*. *metrics* gives the Prometheus exposition."""

    def __init__(
        self,
        desk: OperatorDesk,
        tokens: TokenBook,
        settings: ServerSettings,
        *,
        version: str = "0",
        metrics: Callable[[], bytes] = bytes,
    ) -> None:
        _refuse_exposure(settings)
        self._desk = desk
        self._settings = settings
        self._metrics = metrics
        self._streams = 0
        self._document = orjson.dumps(document(version))
        self._door = Doorkeeper(tokens, settings.door)
        read_s, malformed = settings.door.read_s, self._door.count_malformed
        self._main = Lane(self._application(), settings.connections_max, read_s, malformed)
        self._kill = Lane(self._application(only="kill"), settings.kill_connections_max, read_s, malformed)

    @property
    def refused(self) -> dict[int, int]:
        """Return how many requests were refused, by HTTP status."""
        return dict(self._door.refused)

    async def start(self) -> tuple[int, int]:
        """Listen; return the port of everything, and that of the kill lane."""
        settings = self._settings
        port = await self._main.listen(settings.host, settings.port, settings.tls)
        kill_port = await self._kill.listen(settings.host, settings.kill_port, settings.tls)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        ports = (port, kill_port)
        names = {f"{name}:{number}" for name in (host, "localhost") for number in ports}
        self._door.hosts = frozenset(names | set(settings.names))
        return ports

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        await self._main.close()
        await self._kill.close()

    def _application(self, only: str = "") -> web.Application:
        app = web.Application(middlewares=[self._door.middleware()], client_max_size=_BODY_MAX)
        app.on_response_prepare.append(add_headers)
        app[SCOPE_OF] = {item.path: item.scope for item in OPERATIONS}
        handlers = self._handlers()
        for item in OPERATIONS:
            if only in {"", item.name}:
                app.router.add_route(item.method, item.path, handlers[item.name])
        if not only:
            app.router.add_get("/v1/openapi.json", self._describe)
            for path in _PAGE:
                app.router.add_get(path, _serve_page)
        return app

    def _handlers(self) -> dict[str, Handler]:
        status = self._desk.status
        reads: dict[str, Callable[[], Any]] = {
            "status": status,
            "orders": lambda: Orders(status().orders),
            "positions": lambda: Positions(status().positions),
            "pnl": lambda: Pnl(status().pnl),
            "treasury": lambda: Treasury(status().treasury),
            "alerts": lambda: Alerts(status().alerts),
        }
        handlers: dict[str, Handler] = {name: _reader(read) for name, read in reads.items()}
        desk = self._desk
        wishes: dict[str, tuple[type, Callable[..., Awaitable[ControlAnswer]]]] = {
            "pause": (StopRequest, desk.pause),
            "kill": (StopRequest, desk.kill),
            "resume": (GoRequest, desk.resume),
            "release": (GoRequest, desk.release),
            "acknowledge": (AcknowledgeRequest, desk.acknowledge),
            "cost": (CostRequest, desk.record_cost),
            "transfer": (TransferRequest, desk.answer_transfer),
            "settlement": (SettlementRequest, desk.settle_transfer),
            "correction": (CorrectionRequest, desk.correct),
        }
        handlers |= {name: self._wish(*wish) for name, wish in wishes.items()}
        handlers["budget"] = self._budget
        handlers |= {
            "decisions": self._decisions,
            "why": self._why,
            "health": self._health,
            "live": self._live,
            "metrics": self._expose,
            "stream": self._stream,
        }
        return handlers

    def _wish(self, kind: type[Any], ask: Callable[..., Awaitable[ControlAnswer]]) -> Handler:
        """Return what reads a *kind* and hands its fields to *ask*."""

        async def carry(request: web.Request) -> web.Response:
            fields = attrs.asdict(read_message(kind, await request.read()))
            name, actor = fields.pop("request_id"), fields.pop("actor")
            return _answered(await ask(name, actor=_actor(request, actor), **fields))

        return carry

    async def _budget(self, request: web.Request) -> web.Response:
        message = read_message(BudgetRequest, await request.read())
        status = self._desk.status()
        if message.budget > status.risk_budget and request[BEARER].scope < Scope.ARM:
            problem = Problem("raising the budget needs a token of the scope arm")
            return _json(problem, status=403)
        if message.expected_epoch != status.gate.epoch:
            refusal = f"the gate's epoch is {status.gate.epoch}, not {message.expected_epoch}: look again"
            gate = status.gate
            answer = ControlAnswer(message.request_id, refusal, gate.state, gate.state, gate.epoch)
            return _answered(answer)
        answer = await self._desk.set_budget(
            message.request_id,
            actor=_actor(request, message.actor),
            reason=message.reason,
            budget=message.budget,
        )
        return _answered(answer)

    async def _decisions(self, request: web.Request) -> web.Response:
        query = read_query(DecisionQuery, request.query)
        try:
            page = await self._desk.decisions(before=query.before, limit=query.limit, kind=query.kind)
        except StorageError as error:
            return _json(Problem(f"the journal cannot be read now: {error}"), status=503)
        return _json(page)

    async def _why(self, request: web.Request) -> web.Response:
        query, name = read_query(StoryQuery, request.query), request.match_info["client_order_id"]
        try:
            page = await self._desk.why(name, after=query.after, limit=query.limit)
        except StorageError as error:
            return _json(Problem(f"the journal cannot be read now: {error}"), status=503)
        if page is None:
            return _json(Problem(_UNKNOWN_ORDER), status=404)
        return _json(page)

    async def _health(self, _request: web.Request) -> web.Response:
        health = self._desk.status().health
        return _json(Health(health), status=200 if health.ready else 503)

    async def _live(self, _request: web.Request) -> web.Response:
        age_ms = self._desk.status().health.heartbeat_age_ms
        alive = age_ms <= self._settings.heartbeat_age_ms_max
        return _json(Liveness(alive, age_ms), status=200 if alive else 503)

    async def _expose(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._document, content_type="application/json")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        if self._streams >= self._settings.streams_max:
            return _json(Problem("too many open streams"), status=429)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        self._streams += 1
        try:
            await response.prepare(request)
            while True:
                await response.write(b"data: " + to_json(self._desk.status()) + b"\n\n")
                await asyncio.sleep(self._settings.stream_every_s)
        except ConnectionResetError:
            return response  # The page was closed.
        finally:
            self._streams -= 1


def _refuse_exposure(settings: ServerSettings) -> None:
    """Refuse to be reachable from elsewhere by accident."""
    try:
        is_loopback = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback and (settings.tls is None or not settings.allow_remote):
        problem = f"controls.host {settings.host}: beyond loopback both TLS and allow_remote are needed."
        raise ConfigError((f"{problem} Keep 127.0.0.1 and come through an SSH tunnel.",))


def _reader(read: Callable[[], Any]) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return _json(read())

    return answer


async def _serve_page(request: web.Request) -> web.Response:
    name, content_type = _PAGE[request.path]
    body = (resources.files(__package__) / "page" / name).read_bytes()
    return web.Response(body=body, content_type=content_type, charset="utf-8")


def _actor(request: web.Request, name: str) -> str:
    """Return who asks: the name given, and the token that vouches for it."""
    return f"{name} by {request[BEARER].name}"


def _answered(answer: ControlAnswer) -> web.Response:
    return _json(answer, status=409 if answer.refusal else 200)


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=to_json(value), content_type="application/json")
