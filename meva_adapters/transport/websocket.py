"""Follow one WebSocket connection to its end and tell why it ended; reconnect nothing and read no message."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType
from attrs import frozen

from meva_adapters.transport.http import NoAnswerError
from meva_core.errors import MevaError

Send = Callable[[str], Awaitable[None]]

_MESSAGE_BYTES_MAX: Final = 16 << 20
_CLOSING: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED})
_RENEWED: Final = "renewed before the venue ends it"
# Silence is noticed a sixteenth later than it lasts.
_MOVES: Final = 16
# Venues end a connection after a day; ours ends earlier, at a moment that we choose.
_LIFETIME_S: Final = 23.5 * 3600


@frozen
class StreamEndError(MevaError):
    """Ask for a new connection: the venue announced an end, or refused what the stream needs."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@frozen(kw_only=True)
class Patience:
    """Bound the life of a connection, in seconds.

    *ping_s* is how often the other side must answer a ping; *silence_s* how long it may say nothing of substance
    although its pings are fine; *answer_s* how long it may leave what was asked at the beginning unanswered, whatever
    else it says.
    """

    ping_s: float = 20.0
    silence_s: float = 30.0
    answer_s: float = 10.0
    lifetime_s: float = _LIFETIME_S


async def follow(
    session: ClientSession,
    url: str,
    *,
    patience: Patience,
    opened: Callable[[Send], Awaitable[None]],
    heard: Callable[[str], None],
    answered: Callable[[], bool] | None = None,
) -> str:
    """Connect, call *opened* once, then *heard* for each text; return why it ended. Raise for no network fault.

    *answered* says whether what *opened* asked for was granted; a lost answer would leave the stream half up for ever.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + patience.lifetime_s
    try:
        async with session.ws_connect(
            url, heartbeat=patience.ping_s, max_msg_size=_MESSAGE_BYTES_MAX
        ) as socket:
            await opened(socket.send_str)
            granted = asyncio.timeout(None if answered is None else patience.answer_s)

            def taken(text: str) -> None:
                heard(text)
                if answered is not None and granted.when() is not None and answered():
                    granted.reschedule(None)

            try:
                async with granted:
                    return await _listened(socket, patience, end_s=end_s, heard=taken if answered else heard)
            except TimeoutError:
                if granted.expired():
                    return f"what was asked had no answer for {patience.answer_s} s"
                return _RENEWED if loop.time() >= end_s else f"silent for {patience.silence_s} s"
    except StreamEndError as exc:
        return exc.reason
    except (NoAnswerError, ClientError, TimeoutError, OSError, ValueError) as exc:
        return f"no connection ({type(exc).__name__})"


async def _listened(
    socket: ClientWebSocketResponse, patience: Patience, *, end_s: float, heard: Callable[[str], None]
) -> str:
    """Call *heard* until the connection ends, and return why; raise `TimeoutError` at its end and after silence.

    A timer for every message would cost as much as reading it: one is moved on from time to time.
    """
    loop = asyncio.get_running_loop()
    step_s = patience.silence_s / _MOVES
    moved_s = -math.inf
    async with asyncio.timeout_at(end_s) as limit:
        while (now_s := loop.time()) < end_s:
            if now_s >= moved_s + step_s:
                moved_s = now_s
                limit.reschedule(min(end_s, now_s + patience.silence_s + step_s))
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                heard(message.data)
            elif message.type in _CLOSING:
                return f"closed by the venue ({socket.close_code})"
            elif message.type is WSMsgType.ERROR:
                return f"broken ({type(socket.exception()).__name__})"
    return _RENEWED
