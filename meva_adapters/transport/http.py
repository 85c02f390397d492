"""Send one HTTP request, once, and say what is known of its outcome; interpret no answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    InvalidURL,
    ServerDisconnectedError,
    StreamReader,
)
from attrs import frozen
from yarl import URL

from meva_adapters.transport.call_times import CallTimes
from meva_adapters.transport.ready_request import LastLook, Leave, ReadyRequests, WithheldError
from meva_core.errors import MevaError

# Says why a request of this task may not leave after all; an empty text lets it go. It is awaited when a connection is
# there and the request is whole, before the first byte: to connect takes long enough for a gate to close. As long as
# it does not answer, nothing leaves.
LAST_LOOK: Final[ContextVar[LastLook | None]] = ContextVar("LAST_LOOK", default=None)

_BODY_BYTES_MAX: Final = 32 << 20  # The largest answer, a venue's whole rule book, has a third of it.
_DEFAULT_TIMEOUT_S: Final = 10.0  # Binance gives up after ten seconds itself (error -1007).


@frozen
class Answer:
    """Hold one complete answer. Names in *headers* are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@frozen
class NotSentError(MevaError):
    """Report that no byte of a request left: its name was not found, or no connection or TLS came about."""

    problem: str

    def __str__(self) -> str:
        return f"not sent: {self.problem}"


@frozen
class NoAnswerError(MevaError):
    """Report a request that may have arrived, with no complete answer to it."""

    problem: str

    def __str__(self) -> str:
        return f"no answer: {self.problem}"


class HttpTransport:
    """Keep the connections to one or more hosts. Nothing is ever sent twice and no redirect is followed.

    *times* remembers how long the answers took.

    Must be made and closed in the event loop that uses it: `async with HttpTransport() as transport`.
    """

    def __init__(self, *, timeout_s: float = _DEFAULT_TIMEOUT_S) -> None:
        self.times = CallTimes()
        timeout = ClientTimeout(total=timeout_s, connect=timeout_s / 2)
        self.session = ClientSession(
            timeout=timeout,
            middlewares=(_once,),
            trust_env=False,
            cookie_jar=DummyCookieJar(),  # No venue needs any, and looking for them takes time.
        )
        self._ready = ReadyRequests(self.session, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every connection."""
        await self.session.close()

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send a request whose *url* is already percent-encoded; raise `NotSentError` or `NoAnswerError`."""
        try:
            # What was signed must be what is sent, so the URL is not encoded again.
            target = URL(url, encoded=True)
        except ValueError as exc:
            raise NotSentError("the address is no URL") from exc
        look = LAST_LOOK.get()
        if look is not None:
            return await self._send_at_leave(method, target, headers or {}, body or b"", look)
        asked_ns = self.times.now_ns()
        try:
            async with self.session.request(
                method, target, headers=headers, data=body, allow_redirects=False
            ) as response:
                content = await _read(response.content)
        except (ClientConnectorError, ConnectionTimeoutError, InvalidURL) as exc:
            raise NotSentError(_told(exc)) from exc
        except NoAnswerError:
            self.times.note_silence()
            raise
        except (ClientError, TimeoutError, OSError) as exc:
            self.times.note_silence()
            raise NoAnswerError(_told(exc)) from exc
        self.times.note(asked_ns)
        return _answer(response.status, response.headers, content)

    async def _send_at_leave(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes, look: LastLook
    ) -> Answer:
        leave = Leave(look)
        try:
            message, content = await self._ready.send(
                method, url, headers=headers, body=body, leave=leave, read=_read
            )
        except WithheldError as exc:
            raise NotSentError(str(exc)) from exc
        except NoAnswerError:
            self.times.note_silence()
            raise
        except (ClientError, TimeoutError, OSError, ValueError) as exc:
            if leave.used:
                self.times.note_silence()
                raise NoAnswerError(_told(exc)) from exc
            raise NotSentError(
                _told(exc)
            ) from exc  # It may have waited for its leave until its time was over.
        self.times.note(leave.left_ns)
        return _answer(message.code, message.headers, content)


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Let a broken connection end the request: aiohttp would send a GET, PUT or DELETE again by itself.

    Its retry (client.py, "retry_persistent_connection") looks for its own errors, and finds ours instead.
    """
    try:
        return await handler(request)
    except (ClientConnectorError, ConnectionTimeoutError):
        raise
    except (ClientOSError, ServerDisconnectedError) as exc:
        raise NoAnswerError(_told(exc)) from exc


async def _read(content: StreamReader) -> bytes:
    parts, size = [], 0
    async for part in content.iter_chunked(1 << 16):
        size += len(part)
        if size > _BODY_BYTES_MAX:
            raise NoAnswerError(f"the answer has more than {_BODY_BYTES_MAX} bytes")
        parts.append(part)
    return b"".join(parts)


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)


def _told(exc: BaseException) -> str:
    """Name a failure without its URL, which is signed."""
    if isinstance(exc, ClientConnectorError):
        return f"{type(exc).__name__}: {exc.host}:{exc.port} {exc.strerror or type(exc.os_error).__name__}"
    return type(exc).__name__
