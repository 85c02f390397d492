"""Accept connections up to a limit, and end those that say nothing; know nothing of what is served."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

_HEADER_MAX: Final = 8 * 1024
_KEEPALIVE_S: Final = 15.0


class _Silence(asyncio.Protocol):
    """Close a connection at once: the lane is full."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _ServerLog(logging.LoggerAdapter[logging.Logger]):
    """Count what is no HTTP, and log all else: a stranger's bytes are worth a number, not a traceback each."""

    def __init__(self, on_malformed: Callable[[], None]) -> None:
        super().__init__(logging.getLogger(__name__))
        self._on_malformed = on_malformed

    def exception(self, msg: object, *args: object, exc_info: Any = True, **kwargs: Any) -> None:
        """Take what the server could not handle."""
        if isinstance(exc_info, HttpProcessingError):
            self._on_malformed()
        else:
            super().exception(msg, *args, exc_info=exc_info, **kwargs)


class Lane:
    """Serve *app* on one port of its own, so that what fills another lane leaves this one free.

    *on_malformed* hears of every request that is no HTTP; it was answered with 400.
    """

    def __init__(
        self, app: web.Application, connections_max: int, read_s: float, on_malformed: Callable[[], None]
    ) -> None:
        self._connections_max = connections_max
        self._read_s = read_s
        self._silent: set[web.RequestHandler] = set()
        app.middlewares.insert(0, self._note())
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_ServerLog(on_malformed),
            keepalive_timeout=_KEEPALIVE_S,
            max_line_size=_HEADER_MAX,
            max_field_size=_HEADER_MAX,
            shutdown_timeout=0.5,
        )
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Start to accept; return the port."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._protocol, host, port, ssl=tls)
        number: int = self._listener.sockets[0].getsockname()[1]
        return number

    async def close(self) -> None:
        """Accept no more and end what is open."""
        if self._listener is not None:
            self._listener.close()
        await self._runner.cleanup()

    def _note(self) -> Middleware:
        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._silent.discard(request.protocol)
            return await handler(request)

        return note

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None, "the runner is set up before it listens"
        if len(server.connections) >= self._connections_max:
            return _Silence()
        protocol = server()
        self._silent.add(protocol)
        asyncio.get_running_loop().call_later(self._read_s, self._end_silent, protocol)
        return protocol

    def _end_silent(self, protocol: web.RequestHandler) -> None:
        """End a connection that has not finished its first request's headers in time."""
        if protocol in self._silent:
            self._silent.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.close()
