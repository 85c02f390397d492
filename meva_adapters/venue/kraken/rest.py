"""Speak Kraken's REST interface: read a request, hand it to the desk, write its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from meva_adapters.venue.kraken.desk import Asked, KrakenDesk
from meva_adapters.venue.kraken.errors import KrakenError, invalid
from meva_adapters.venue.kraken.exact_json import exact_json
from meva_adapters.venue.striking import ConnectionCut


class RestInterface:
    """Serve `/0/public/` and `/0/private/`."""

    def __init__(self, desk: KrakenDesk) -> None:
        self._desk = desk

    def add_routes(self, app: web.Application) -> None:
        """Add the paths of both kinds of calls."""
        app.router.add_get("/0/public/{name}", self._public)
        app.router.add_post("/0/private/{name}", self._private)

    async def _public(self, request: web.Request) -> web.Response:
        return await _answered(
            request, lambda: self._desk.public(request.match_info["name"], dict(request.query))
        )

    async def _private(self, request: web.Request) -> web.Response:
        body = await request.read()

        async def ask() -> Any:
            try:
                params = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
            except ValueError:
                raise invalid("body") from None
            asked = Asked(
                path=request.path,
                name=request.match_info["name"],
                key=request.headers.get("API-Key", ""),
                signature=request.headers.get("API-Sign", ""),
                body=body,
                params=params,
            )
            return await self._desk.private(asked)

        return await _answered(request, ask)


async def _answered(request: web.Request, ask: Callable[[], Awaitable[Any]]) -> web.Response:
    try:
        result = await ask()
    except KrakenError as error:
        if error.status != 200:  # noqa: PLR2004 - a server in front of the venue fails with a page of its own.
            return web.Response(text="<html>error</html>", status=error.status, content_type="text/html")
        return _json({"error": [error.error]})
    except ConnectionCut:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)  # Nobody hears it: the connection is gone.
    return _json({"error": [], "result": result})


def _json(body: Any) -> web.Response:
    return web.Response(body=exact_json(body), content_type="application/json")
