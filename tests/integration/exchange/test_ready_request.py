"""A request that waits for its leave is whole before, and leaves in the step that gives it, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from meva_adapters.transport.http import LAST_LOOK, Answer, HttpTransport, NoAnswerError, NotSentError

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Weight: 7\r\n\r\n{}"


class Wire:
    """Be a host that keeps what it hears, and answers each head with *answer*."""

    def __init__(self, answer: bytes = ANSWER) -> None:
        self.heard = b""
        self.connections: list[asyncio.StreamWriter] = []
        self._serving: list[asyncio.Task[None] | None] = []
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        self._serving.append(asyncio.current_task())
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                self.heard += data
                writer.write(self._answer)
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in self.connections:
                writer.transport.abort()
            await asyncio.gather(*filter(None, self._serving))


async def yes() -> str:
    """Let everything go."""
    return ""


async def told(wire: Wire, method: str, body: bytes | None, headers: dict[str, str]) -> bytes:
    """Return what *wire* hears of a request, without the port."""
    async with wire.listening() as url, HttpTransport() as transport:
        await transport.send(method, f"{url}/order?a=b%20c&d=%2B", headers=headers, body=body)
        return wire.heard.replace(url.rpartition(":")[2].encode(), b"port")


@pytest.mark.parametrize(
    "headers", [{}, {"X-KEY": "k"}, {"User-Agent": "meva", "Content-Type": "text/plain"}]
)
@pytest.mark.parametrize(
    ("method", "body"), [("GET", None), ("POST", None), ("POST", b"a=1"), ("DELETE", None)]
)
async def test_it_says_what_aiohttp_would_say(
    method: str, body: bytes | None, headers: dict[str, str]
) -> None:
    """Each header of a request that waits for its leave is there as in any other, and so is its body."""
    plain = await told(Wire(), method, body, headers)
    LAST_LOOK.set(yes)
    ready = await told(Wire(), method, body, headers)

    head, _, rest = plain.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[:2] == ready.split(b"\r\n")[:2]
    assert sorted(head.split(b"\r\n")) == sorted(ready.partition(b"\r\n\r\n")[0].split(b"\r\n"))
    assert rest == ready.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("body", [None, b"a=1"])
async def test_it_is_handed_to_the_socket_in_the_step_that_gives_its_leave(body: bytes | None) -> None:
    """Not a turn of the loop lies between the last look and the whole request, with a body or without."""
    wire, steps = Wire(), []

    async def look() -> str:
        asyncio.get_running_loop().call_soon(steps.append, "a turn later")
        return ""

    async with wire.listening() as url, HttpTransport() as transport:
        await transport.send("GET", f"{url}/first")
        [(protocol, _)] = next(iter(transport.session.connector._conns.values()))  # type: ignore[union-attr]
        written = protocol.transport.write

        def write(data: bytes) -> None:
            steps.append("written")
            written(data)

        protocol.transport.write = write  # type: ignore[method-assign]
        LAST_LOOK.set(look)
        await transport.send("POST", f"{url}/order", body=body)

    assert ["written", "a turn later"] == steps


async def test_a_refused_leave_sends_nothing_and_keeps_no_connection() -> None:
    """Nothing is heard of it, and the next request gets a connection of its own."""
    wire = Wire()

    async def no() -> str:
        return "the gate moved"

    async with wire.listening() as url, HttpTransport() as transport:
        LAST_LOOK.set(no)
        with pytest.raises(NotSentError, match="the gate moved"):
            await transport.send("POST", f"{url}/order")
        LAST_LOOK.set(yes)
        await transport.send("POST", f"{url}/after")

    assert wire.heard.startswith(b"POST /after ")


async def test_a_connection_that_ends_while_a_request_waits_is_proof_that_it_did_not_leave() -> None:
    """The venue closes the kept connection during the wait: nothing left, and nothing is sent on another one."""
    wire = Wire()

    async def look() -> str:
        wire.connections[0].close()
        await asyncio.sleep(0.05)
        return ""

    async with wire.listening() as url, HttpTransport() as transport:
        await transport.send("GET", f"{url}/first")
        heard = wire.heard
        LAST_LOOK.set(look)
        with pytest.raises(NotSentError, match="ClientConnectionError"):
            await transport.send("POST", f"{url}/order")

    assert heard == wire.heard


async def test_what_a_connection_says_unasked_is_no_answer_to_what_waits() -> None:
    """Bytes that come before the request are of no request: the connection is not used."""
    wire = Wire()

    async def look() -> str:
        wire.connections[0].write(ANSWER)
        await asyncio.sleep(0.05)
        return ""

    async with wire.listening() as url, HttpTransport() as transport:
        await transport.send("GET", f"{url}/first")
        LAST_LOOK.set(look)
        with pytest.raises(NotSentError):
            await transport.send("POST", f"{url}/order")

    assert b"POST" not in wire.heard


async def test_a_wait_for_its_leave_that_outlasts_the_time_sends_nothing() -> None:
    """Not sent, for certain, though the leave comes later."""
    wire, late = Wire(), asyncio.Event()

    async def look() -> str:
        await late.wait()
        return ""

    async with wire.listening() as url, HttpTransport(timeout_s=0.1) as transport:
        LAST_LOOK.set(look)
        with pytest.raises(NotSentError):
            await transport.send("POST", f"{url}/order")
        late.set()
        await asyncio.sleep(0.05)

    assert b"" == wire.heard


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(answer: bytes) -> None:
    """Silence, what is not HTTP and what is cut short: the request may have arrived."""
    LAST_LOOK.set(yes)
    wire = Wire(answer)
    async with wire.listening() as url, HttpTransport(timeout_s=0.2) as transport:
        with pytest.raises(NoAnswerError):
            await transport.send("POST", f"{url}/order")

    assert 1 == wire.heard.count(b"POST")


async def test_no_line_can_be_forged_into_the_head() -> None:
    """A header that breaks a line is not sent; in an address a break is none."""
    LAST_LOOK.set(yes)
    wire = Wire()
    async with wire.listening() as url, HttpTransport() as transport:
        with pytest.raises(NotSentError):
            await transport.send("POST", f"{url}/order", headers={"X": "a\r\nX-Forged: 1"})
        assert b"" == wire.heard
        await transport.send("POST", f"{url}/order?a=b\r\nX-Forged: 1")

    assert b"\nX-Forged" not in wire.heard


async def test_its_connection_is_kept_and_its_answer_read_whole() -> None:
    """Two orders leave over one connection; a provisional answer is none, and a chunked one is joined."""
    chunked = (
        b"HTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n"
    )
    LAST_LOOK.set(yes)
    wire = Wire(chunked)
    async with wire.listening() as url, HttpTransport() as transport:
        answers = [await transport.send("POST", f"{url}/order") for _ in range(2)]

    assert [Answer(200, {"transfer-encoding": "chunked"}, b"[]")] * 2 == answers
    assert 1 == len(wire.connections)
