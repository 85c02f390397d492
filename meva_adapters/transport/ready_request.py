"""Send a request that is whole before it may leave, so that between its leave and its first byte there is one call.

The connections are those of an aiohttp session, whose own way to a request makes its head, its timers and its answer
between the two, and writes a body a turn of the loop later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import ClientConnectionError, ClientRequest, ClientSession, ClientTimeout
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import SERVER_SOFTWARE, HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace
from attrs import define
from yarl import URL

LastLook = Callable[[], Awaitable[str]]
Read = Callable[[StreamReader], Awaitable[bytes]]

_FIRST_FINAL_STATUS: Final = 200
# Methods that say how long a body is, even where there is none, as aiohttp does it; the first ones name its type too.
_TYPED: Final = frozenset({"POST", "PUT", "PATCH"})
_MEASURED: Final = _TYPED | {"DELETE"}
_DEFAULTS: Final = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": SERVER_SOFTWARE,
}
_TYPE: Final = "Content-Type"


class WithheldError(Exception):
    """Say why a request did not get its leave."""


@define
class Leave:
    """Ask *look* whether a request may leave; *used* says whether its first byte may have left, *left_ns* when."""

    look: LastLook
    used: bool = False
    left_ns: int = 0


class ReadyRequests:
    """Send over the connections of *session* what is whole before it is asked whether it may leave."""

    def __init__(self, session: ClientSession, timeout: ClientTimeout) -> None:
        self._session = session
        self._timeout = timeout
        self._origins: dict[URL, ClientRequest] = {}

    async def send(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        body: bytes,
        leave: Leave,
        read: Read,
    ) -> tuple[RawResponseMessage, bytes]:
        """Return the answer's head and what *read* made of its body.

        Raises `WithheldError` where *leave* was refused, and what aiohttp raises; *leave* says whether a byte left.
        """
        whole = _whole(method, url, headers, body)
        async with asyncio.timeout(self._timeout.total):
            connection = await self._connected(url)
            try:
                protocol = await _departed(connection, whole, leave)
                return await _answer(protocol, read)
            except BaseException:
                connection.close()
                raise
            finally:
                connection.release()  # It is kept for the next request, unless it was closed.

    async def _connected(self, url: URL) -> Connection:
        connector = self._session.connector
        if connector is None:
            raise ClientConnectionError("the session is closed")
        origin = url.origin()
        request = self._origins.get(origin)
        if request is None:
            loop = asyncio.get_running_loop()
            request = self._origins[origin] = ClientRequest("GET", origin, loop=loop, session=self._session)
        traces = [
            Trace(self._session, config, config.trace_config_ctx()) for config in self._session.trace_configs
        ]
        return await connector.connect(request, traces, self._timeout)


async def _departed(connection: Connection, whole: bytes, leave: Leave) -> ResponseHandler:
    """Hand *whole* to *connection* in the step in which *leave* is given.

    Raises where it is not, or where the connection was lost meanwhile, or has told what nobody had asked.
    """
    if why := await leave.look():
        raise WithheldError(why)
    protocol = connection.protocol
    if protocol is None or protocol.transport is None or not protocol.is_connected() or protocol.should_close:
        raise ClientConnectionError("the connection was lost before the first byte")
    leave.used = True
    protocol.transport.write(whole)
    leave.left_ns = time.monotonic_ns()
    protocol.set_response_params(read_until_eof=True)
    return protocol


async def _answer(protocol: ResponseHandler, read: Read) -> tuple[RawResponseMessage, bytes]:
    try:
        message, content = await protocol.read()
        while message.code < _FIRST_FINAL_STATUS:
            message, content = await protocol.read()
    except HttpProcessingError as exc:
        raise ClientConnectionError("the answer is not HTTP") from exc
    return message, await read(content)


def _whole(method: str, url: URL, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return the bytes of the request, as aiohttp would write them; raise `ValueError` on a forged head."""
    lines = {"Host": url.host_port_subcomponent, **headers}
    named = {name.lower() for name in headers}
    lines |= {name: value for name, value in _DEFAULTS.items() if name.lower() not in named}
    if body or method in _MEASURED:
        lines["Content-Length"] = str(len(body))
    if method in _TYPED and _TYPE.lower() not in named:
        lines[_TYPE] = "application/octet-stream"
    parts = [f"{method} {url.raw_path_qs} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items())]
    if any("\r" in part or "\n" in part for part in parts):
        raise ValueError("a line break within the head of a request")
    return "\r\n".join([*parts, "", ""]).encode() + body
