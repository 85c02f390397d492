"""Stand between an adapter and a venue's REST interface: note every request, and let the next one meet a mishap.

It knows no venue: *kind_of* says what a request is. A harness that puts it in the way has most mishaps for nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson
from aiohttp import ClientSession, TCPConnector, web
from attrs import frozen
from yarl import URL

from meva_adapters.contracts.exchange_harness import Mishap, Request

_SERVER_ERROR: Final = 503
_REDIRECT: Final = 307
_RATE_LIMITED: Final = 429
_BANNED: Final = 418
_HOP: Final = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection", "host"})
_BEFORE: Final = frozenset(
    {Mishap.REQUEST_LOST, Mishap.SILENCE_BEFORE, Mishap.ERROR_BEFORE, Mishap.REDIRECT, Mishap.RATE_LIMIT, Mishap.BAN}
)  # fmt: skip
AFTER: Final = frozenset(
    {Mishap.ANSWER_LOST, Mishap.SILENCE_AFTER, Mishap.ERROR_AFTER, Mishap.GARBAGE}
)  # fmt: skip
MISHAPS: Final = _BEFORE | AFTER

# Changes an answer's JSON.
Change = Callable[[Any], Any]


@frozen
class Seen:
    """Hold one request as it came: *text* is its address and body, decoded."""

    kind: Request
    method: str
    text: str


class WireTap:
    """Forward everything to *target*. *kind_of* names a request by its method, path and body."""

    def __init__(self, target: str, kind_of: Callable[[str, str, str], Request]) -> None:
        self.seen: list[Seen] = []
        self._target = target.rstrip("/")
        self._kind_of = kind_of
        self._waiting: dict[Request, list[tuple[Mishap, int]]] = {}
        self._changes: dict[Request, list[Change]] = {}
        self._silence = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None
        self.url = ""

    def count(self, kind: Request) -> int:
        """Return how many requests of this kind came."""
        return Counter(seen.kind for seen in self.seen)[kind]

    def texts(self, kind: Request) -> list[str]:
        """Return the text of each request of this kind."""
        return [seen.text for seen in self.seen if seen.kind is kind]

    def strike(self, mishap: Mishap, kind: Request, amount: int = 0) -> None:
        """Let the next request of this kind meet *mishap*, one of `MISHAPS`."""
        assert mishap in MISHAPS, f"{mishap} is no mishap of a wire"
        self._waiting.setdefault(kind, []).append((mishap, amount))

    def change(self, kind: Request, change: Change) -> None:
        """Let the next answer to a request of this kind be changed."""
        self._changes.setdefault(kind, []).append(change)

    async def start(self) -> None:
        """Listen on a port of the loopback; `url` is known then."""
        # A connection per request: a client repeats requests only on connections that it kept.
        self._session = ClientSession(connector=TCPConnector(force_close=True), auto_decompress=True)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening; a second call does nothing."""
        self._silence.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        kind = self._kind_of(request.method, request.path, body.decode(errors="replace"))
        text = unquote_plus(f"{request.raw_path} {body.decode(errors='replace')}")
        self.seen.append(Seen(kind, request.method, text))
        waiting = self._waiting.get(kind)
        mishap, amount = waiting.pop(0) if waiting else (None, 0)
        if mishap in _BEFORE:
            return await self._spoiled(request, mishap, amount)
        answer = await self._forwarded(request, body)
        changes = self._changes.get(kind)
        if changes:
            answer = _changed(answer, changes.pop(0))
        return answer if mishap is None else await self._spoiled(request, mishap, amount)

    async def _forwarded(self, request: web.Request, body: bytes) -> web.Response:
        assert self._session is not None, "the tap was started"
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        target = URL(f"{self._target}{request.raw_path}", encoded=True)
        async with self._session.request(
            request.method, target, headers=headers, data=body or None, allow_redirects=False
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)

    async def _spoiled(self, request: web.Request, mishap: Mishap, amount: int) -> web.Response:
        match mishap:
            case Mishap.REQUEST_LOST | Mishap.ANSWER_LOST:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()  # Nobody hears it.
            case Mishap.SILENCE_BEFORE | Mishap.SILENCE_AFTER:
                await self._silence.wait()
                return web.Response()
            case Mishap.ERROR_BEFORE | Mishap.ERROR_AFTER:
                return web.Response(status=_SERVER_ERROR, text="upstream failed")
            case Mishap.REDIRECT:
                return web.Response(status=_REDIRECT, headers={"Location": request.raw_path})
            case Mishap.RATE_LIMIT | Mishap.BAN:
                status = _BANNED if mishap is Mishap.BAN else _RATE_LIMITED
                return web.Response(status=status, headers={"Retry-After": str(amount)})
            case _:
                return web.Response(text='{"half": ', content_type="application/json")


def _changed(answer: web.Response, change: Change) -> web.Response:
    assert isinstance(answer.body, bytes), "the tap forwards bytes"
    body = orjson.dumps(change(orjson.loads(answer.body)))
    return web.Response(body=body, status=answer.status, content_type="application/json")
