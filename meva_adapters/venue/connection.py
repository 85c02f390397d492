"""Hold one WebSocket connection: send in order, bound what waits, be cut or silent on demand; understand no message."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import orjson
from aiohttp import WSMsgType, web

WAITING_MAX: Final = 10_000  # Messages; a client that is further behind is cut.
LIFE_S: Final = 86_400.0  # The venue ends every connection after 24 hours.
PING_S: Final = 20.0
_MESSAGE_BYTES_MAX: Final = 1 << 16


class Connection:
    """Serve one client. *scope* is `market` or `user`, as faults name it."""

    def __init__(self, request: web.Request, scope: str) -> None:
        self.scope = scope
        self.address = request.remote or ""
        self.silent_until = 0.0  # In the event loop's time.
        self._request = request
        self._socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=_MESSAGE_BYTES_MAX)
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(WAITING_MAX)

    async def open(self) -> None:
        """Shake hands."""
        await self._socket.prepare(self._request)

    def send(self, message: Any) -> None:
        """Queue *message* as JSON; a client that does not keep up is cut."""
        self.send_bytes(orjson.dumps(message))

    def send_bytes(self, message: bytes) -> None:
        """Queue a message that is written already."""
        if asyncio.get_running_loop().time() < self.silent_until:
            return
        try:
            self._waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """End the connection at once, with no closing handshake."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        """End the connection politely."""
        await self._socket.close()

    async def run(self, on_text: Any) -> None:
        """Read until the client leaves, handing each text to *on_text*; send what is queued meanwhile."""
        writer = asyncio.create_task(self._write())
        life = asyncio.get_running_loop().call_later(LIFE_S, self.cut)
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await on_text(message.data)
        finally:
            life.cancel()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def response(self) -> web.WebSocketResponse:
        """Return what an aiohttp handler returns at the end."""
        return self._socket

    async def _write(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._socket.send_str(message.decode())
            except ConnectionError:
                return  # The reader sees the end too, and ends the connection.
