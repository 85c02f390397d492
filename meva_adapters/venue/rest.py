"""Speak the venue's REST interface: read a request, hand it to the desk, write its answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from meva_adapters.venue.calls import CALLS, Call
from meva_adapters.venue.desk import Asked, Desk
from meva_adapters.venue.errors import ApiError
from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.signatures import rest_payload
from meva_adapters.venue.striking import ConnectionCut

_PREFIX = "/api/v3/"
_GONE = 410


class RestInterface:
    """Serve every call under `/api/v3/`."""

    def __init__(self, exchange: Exchange, desk: Desk) -> None:
        self._exchange = exchange
        self._desk = desk

    def add_routes(self, app: web.Application) -> None:
        """Add one route per call; any other path is answered as the venue does."""
        for call in CALLS:
            app.router.add_route(call.method, _PREFIX + call.path, self._handler(call))
        app.router.add_route("*", _PREFIX + "userDataStream", self._gone)
        app.router.add_route("*", "/api/{rest:.*}", self._unknown)

    def _handler(self, call: Call) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._serve(call, request)

        return handle

    async def _serve(self, call: Call, request: web.Request) -> web.StreamResponse:
        key = request.headers.get("X-MBX-APIKEY", "")
        try:
            query = request.raw_path.partition("?")[2]
            body = await _form(request)
            params = _params(query, body)
            asked = Asked(params, request.remote or "", key, lambda: rest_payload(query, body))
            answer = await self._desk.answer(call, asked)
        except ApiError as error:
            return self._response(
                request, error.body(), status=error.status, retry_after_s=error.retry_after_s
            )
        except ConnectionCut:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=503)  # Nobody hears it: the connection is gone.
        order_key = key if call.name in ("order.place", "order.cancelReplace") else ""
        return self._response(request, answer, order_key=order_key)

    def _response(
        self,
        request: web.Request,
        body: Any,
        *,
        status: int = 200,
        retry_after_s: int = 0,
        order_key: str = "",
    ) -> web.Response:
        now_ms = self._exchange.now_ms()
        used = str(self._exchange.weights(request.remote or "").used(now_ms))
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if retry_after_s:
            headers["Retry-After"] = str(retry_after_s)
        if order_key:
            short, day = self._exchange.order_counters[order_key].counts(now_ms)
            headers |= {"X-MBX-ORDER-COUNT-10S": str(short), "X-MBX-ORDER-COUNT-1D": str(day)}
        return web.Response(
            body=orjson.dumps(body), status=status, headers=headers, content_type="application/json"
        )

    async def _gone(self, request: web.Request) -> web.Response:
        error = ApiError(-1000, "This endpoint has been retired; use the WebSocket API.", _GONE)
        return self._response(request, error.body(), status=error.status)

    async def _unknown(self, request: web.Request) -> web.Response:
        error = ApiError(-1000, f"Path {request.path}, Method {request.method} is invalid", 404)
        return self._response(request, error.body(), status=error.status)


async def _form(request: web.Request) -> str:
    """Return the form that came as body; a body of any other kind holds no parameters."""
    if request.method == "GET" or not request.can_read_body:
        return ""
    try:
        text = (await request.read()).decode()
    except UnicodeDecodeError:
        raise ApiError(-1100, "Illegal characters found in a parameter.") from None
    return "" if text.lstrip()[:1] in ("{", "[") else text


def _params(query: str, body: str) -> dict[str, str]:
    """Return the parameters of query and body; where a name is in both, the query's wins."""
    found: dict[str, str] = {}
    for source in (body, query):
        pairs = parse_qsl(source, keep_blank_values=True)
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        found.update(pairs)
    return found
