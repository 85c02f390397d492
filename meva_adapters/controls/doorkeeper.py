"""Let a request pass or refuse it, before anything looks at what it asks for; serve nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from attrs import Factory, frozen

from meva_adapters.controls.access import Bearer, RateLimit, Scope, TokenBook
from meva_adapters.controls.messages import MessageError, Problem, to_json
from meva_core.errors import StorageError

BEARER: Final = web.RequestKey("bearer", Bearer)
SCOPE_OF: Final = web.AppKey("scope_of", dict[str, Scope])
KILL_PATH: Final = "/v1/kill"
_OPEN_PATHS: Final = frozenset({"/", "/app.js", "/charts.js", "/decisions.js", "/style.css"})
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@frozen(kw_only=True)
class DoorSettings:
    """Limit what strangers and scripts can cost the agent."""

    requests_per_s: int = 10  # A person clicks less often, a script has the stream.
    failures_per_min: int = 5
    read_s: float = 5.0
    # Whoever comes too often waits for the refusal: with the lane's connections that bounds what a flood can cost.
    hold_s: float = 0.5
    origins: tuple[str, ...] = ()  # Beside the own address; none is needed for the own page.
    clock: Callable[[], float] = Factory(lambda: time.monotonic)


class Doorkeeper:
    """Check host, origin, token, scope, rate and content type, in this order. Kill is bound by no rate.

    *hosts* are the names under which the server may be addressed, each as `host:port`; a page of another name
    (DNS rebinding) gets nothing. The static page holds no data and needs no token; everything else does.
    """

    def __init__(self, tokens: TokenBook, settings: DoorSettings) -> None:
        self.hosts: frozenset[str] = frozenset()
        self.refused: dict[int, int] = {}
        self._tokens = tokens
        self._settings = settings
        self._rate = RateLimit(settings.requests_per_s, 1.0, settings.clock)
        self._failures = RateLimit(settings.failures_per_min, 60.0, settings.clock)

    def middleware(self) -> Middleware:
        """Return the middleware that every request passes."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                async with asyncio.timeout(None if request.path == "/v1/stream" else self._settings.read_s):
                    return await self._answer(request, handler)
            except TimeoutError:
                return self._refuse(408, "the request took too long")
            except MessageError as error:
                return self._refuse(400, error.problem)
            except StorageError:
                return self._refuse(503, "the answer could not be made durable; use the kill latch")
            except web.HTTPException as error:
                return self._refuse(error.status, error.reason)

        return check

    def count_malformed(self) -> None:
        """Count a request that was no HTTP, and came no further than the server's parser."""
        self.refused[400] = self.refused.get(400, 0) + 1

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = self._refusal(request)
        if refused is None:
            return await handler(request)
        if refused.status == HTTPStatus.TOO_MANY_REQUESTS:
            await asyncio.sleep(self._settings.hold_s)
        return refused

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Return why *request* goes no further, or `None`."""
        own = frozenset(f"{scheme}://{host}" for host in self.hosts for scheme in ("http", "https"))
        if request.headers.get("Host", "") not in self.hosts or len(request.headers.getall("Host", ())) != 1:
            return self._refuse(403, "this server does not go by that name")
        origin = request.headers.get("Origin")
        if origin is not None and origin not in own | set(self._settings.origins):
            return self._refuse(403, "no requests from other sites")
        if request.path in _OPEN_PATHS and request.method in {"GET", "HEAD"}:
            return None
        return self._stranger(request) or self._beyond(request)

    def _stranger(self, request: web.Request) -> web.Response | None:
        """Refuse who has no token. A right token is never locked out by the failures of others."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = self._tokens.bearer(token) if scheme == "Bearer" else None
        if bearer is not None:
            request[BEARER] = bearer
            return None
        peer = request.remote or ""
        wait_s = self._failures.wait_s(peer)
        if wait_s:
            return self._refuse(429, "too many failed tries", retry_s=wait_s)
        self._failures.count(peer)
        return self._refuse(401, "a valid bearer token is needed")

    def _beyond(self, request: web.Request) -> web.Response | None:
        """Refuse what the token does not allow, what comes too often, and what is no JSON."""
        bearer = request[BEARER]
        route = request.match_info.route.resource
        needed = request.app[SCOPE_OF].get(route.canonical if route else "")
        if needed is not None and bearer.scope < needed:
            return self._refuse(403, f"this needs a token of the scope {needed.name.lower()}")
        if request.path != KILL_PATH:
            wait_s = self._rate.wait_s(bearer.name)
            if wait_s:
                return self._refuse(429, "too many requests", retry_s=wait_s)
            self._rate.count(bearer.name)
        if request.method == "POST" and request.content_type != "application/json":
            return self._refuse(415, "the content type must be application/json")
        return None

    def _refuse(self, status: int, problem: str, *, retry_s: float = 0.0) -> web.Response:
        self.refused[status] = self.refused.get(status, 0) + 1
        headers = {"Retry-After": str(int(retry_s) + 1)} if retry_s else {}
        if status == 401:  # noqa: PLR2004 - the status that asks for credentials (RFC 9110, section 11.6.1).
            headers["WWW-Authenticate"] = "Bearer"
        body = to_json(Problem(problem))
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Tell browsers to load, frame, sniff and keep nothing that is not ours."""
    response.headers.update(_HEADERS)
    response.headers["Server"] = "meva"
