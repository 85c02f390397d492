"""Follow one WebSocket connection to its end and tell why it ended; reconnect nothing and read no message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import ClientError, ClientSession, WSMsgType
from attrs import frozen

from meva_adapters.transport.http import NoAnswerError
from meva_core.errors import MevaError

Send = Callable[[str], Awaitable[None]]

_MESSAGE_BYTES_MAX: Final = 16 << 20
_CLOSING: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED})
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
            asked_s = loop.time()
            while (left_s := end_s - loop.time()) > 0:
                wait_s = min(patience.silence_s, left_s)
                if answered is not None and not answered():
                    wait_s = min(wait_s, asked_s + patience.answer_s - loop.time())
                    if wait_s <= 0:
                        return f"what was asked had no answer for {patience.answer_s} s"
                try:
                    message = await socket.receive(timeout=wait_s)
                except TimeoutError:
                    if loop.time() >= end_s:
                        break
                    if wait_s < patience.silence_s:
                        continue  # Something else than the silence is over.
                    return f"silent for {patience.silence_s} s"
                if message.type is WSMsgType.TEXT:
                    heard(message.data)
                elif message.type in _CLOSING:
                    return f"closed by the venue ({socket.close_code})"
                elif message.type is WSMsgType.ERROR:
                    return f"broken ({type(socket.exception()).__name__})"
            return "renewed before the venue ends it"
    except StreamEndError as exc:
        return exc.reason
    except (NoAnswerError, ClientError, TimeoutError, OSError, ValueError) as exc:
        return f"no connection ({type(exc).__name__})"
