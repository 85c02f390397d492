"""Z2: who guesses learns nothing, neither from answers nor from the time that they take."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from importlib import resources
from math import sqrt
from pathlib import Path
from random import Random
from string import ascii_letters
from time import perf_counter_ns

import pytest

from meva_adapters.controls.access import Scope, TokenBook, open_tokens, read_token
from meva_adapters.controls.doorkeeper import DoorSettings
from tests.integration.controls.controls_case import served

TRIES = 100_000
MILLION = 1_000_000
_BATCH = 20
_AT_ONCE = 24
# Of a fair comparison, one in a hundred thousand exceeds it.
SIGNIFICANT = 4.5


def difference(check: Callable[[str], object], first: str, second: str) -> float:
    """Return the least of three differences: what a token gives away, it gives away each time."""
    return min((_difference(check, (first, second), Random(seed)) for seed in range(3)), key=abs)


def _difference(check: Callable[[str], object], tokens: tuple[str, str], draw: Random) -> float:
    """Return the Mann-Whitney z of the times that *check* takes for two *tokens*, tried in a random order.

    Ranks are deaf to the pauses of a crowded machine; batches rise above the clock's own step. Every try gets a
    copy of its own, because where a text lies in memory shows in the times as well.
    """
    times = []
    order = [0, 1] * (TRIES // _BATCH // 2)
    draw.shuffle(order)
    for which in order:
        token = (tokens[which] + "!")[:-1]
        began = perf_counter_ns()
        for _ in range(_BATCH):
            check(token)
        times.append((perf_counter_ns() - began, draw.random(), which))  # Ties are broken by chance.
    times.sort()
    each = len(times) // 2
    ranks = sum(rank for rank, (_, _, which) in enumerate(times, start=1) if which == 0)
    u = ranks - each * (each + 1) / 2
    return (u - each * each / 2) / sqrt(each * each * (2 * each + 1) / 12)


def test_z2_the_time_does_not_tell_how_much_of_a_token_is_right(tmp_path: Path) -> None:
    """100,000 tries with all but one character right, and with none: no significant difference."""
    book = open_tokens(tmp_path / "control")
    right = read_token(tmp_path / "control", Scope.ARM)
    nearly = right[:-1] + ("A" if right[-1] != "A" else "B")
    wrong = "".join("A" if letter != "A" else "B" for letter in right)

    assert abs(difference(book.bearer, nearly, wrong)) < SIGNIFICANT


def test_the_measure_would_find_a_comparison_that_stops_early() -> None:
    """The same statistic tells at once that letter after letter was compared."""
    right = secrets.token_urlsafe(32)

    def early(token: str) -> bool:
        return all(ours == theirs for ours, theirs in zip(right, token, strict=True))

    wrong = "".join("A" if letter != "A" else "B" for letter in right)

    assert abs(difference(early, right[:-1] + "!", wrong)) > SIGNIFICANT


_PATHS = (
    "/v1/kill",
    "/v1/resume",
    "/v1/budget",
    "/v1/status",
    "/v1/metrics",
    "/v1/stream",
    "/v1/openapi.json",
)


def raw_request(draw: Random, port: int, tokens: dict[Scope, str]) -> bytes:
    """Return noise, or a request of somebody without the right: forged in its token, and damaged in some places."""
    if draw.random() < 0.1:
        return draw.randbytes(draw.randrange(1, 400))
    body = b'{"request_id": "r-1", "actor": "eve", "reason": "mine", "expected_epoch": 0, "budget": "1"}'
    parts = {
        "method": draw.choice(("GET", "POST")),
        "path": draw.choice(_PATHS),
        "version": "1.1",
        "host": f"Host: 127.0.0.1:{port}",
        "token": _forged(draw, tokens),
        "type": "Content-Type: application/json",
        "length": f"Content-Length: {len(body)}",
    }
    damaged = {
        "method": ("PUT", "DELETE", "HEAD", "KILL", "get", ""),
        "path": ("/", "/app.js", "//v1/kill", "/v1/../v1/kill", "/%761/kill", "/V1/KILL", "*", f"http://127.0.0.1:{port}/v1/kill"),
        "version": ("1.0", "1.2", "2", "9.9"),
        "host": ("Host: evil.example", "Host: localhost", f"Host: 127.0.0.1:{port}\r\nHost: evil.example", "X: y"),
        "token": ("X: y", "Authorization: Bearer", "Authorization:"),
        "type": ("Content-Type: text/plain", "Transfer-Encoding: chunked", "Origin: http://evil.example"),
        "length": ("Content-Length: 0", "Content-Length: -1", "Content-Length: 1000000000", "X: y"),
    }  # fmt: skip
    for name in draw.sample(sorted(parts), draw.choice((0, 0, 1, 2))):
        parts[name] = draw.choice(damaged[name])
    start = f"{parts['method']} {parts['path']} HTTP/{parts['version']}"
    lines = (start, parts["host"], parts["token"], parts["type"], parts["length"])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _forged(draw: Random, tokens: dict[Scope, str]) -> str:
    """Return a header that gives nobody a right, though most come close to one that would."""
    right = tokens[Scope.ARM]
    place = draw.randrange(len(right))
    letter = draw.choice([letter for letter in ascii_letters if letter != right[place]])
    nearly = right[:place] + letter + right[place + 1 :]
    return draw.choice((
        f"Authorization: Bearer {nearly}",
        f"Authorization: Bearer {right[:place]}",
        f"Authorization: Bearer {right}{letter}",
        f"Authorization: Bearer {sha256(right.encode()).hexdigest()}",
        f"Authorization: Bearer {draw.randbytes(32).hex()}",
        f"Authorization: Bearer {right.swapcase()}",
        f"Authorization: Basic {right}",
        f"Authorization: {right}",
        f"Cookie: token={right}",
        f"Proxy-Authorization: Bearer {right}",
    ))  # fmt: skip


async def _answered(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Return status and body of the answer; an empty status where the server closed without a word."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            is_head = request.startswith(b"HEAD")
            body = b"" if is_head or length is None else await reader.readexactly(int(length[1]))
            return head.split(b" ", 2)[1], body
    except (ConnectionError, asyncio.IncompleteReadError):
        return b"", b""
    finally:
        writer.close()


async def bombard(tmp_path: Path, tries: int, door: DoorSettings) -> tuple[Counter[bytes], str, int]:
    """Send *tries* raw requests of people without a right, many at a time.

    Return how often each status came, the gate, and what a right token gets then. A 200 that is not a file of the
    page, which holds no data, counts as `b"accepted"`.
    """
    page = {path.read_bytes() for path in (resources.files("meva_adapters.controls") / "page").iterdir()}
    async with served(tmp_path, door=door, connections_max=1_000) as (desk, client):
        tokens = {scope: read_token(client.folder, scope) for scope in Scope}
        seen: Counter[bytes] = Counter()

        async def send(draw: Random) -> None:
            for _ in range(tries // _AT_ONCE):
                request = raw_request(draw, client.port, tokens)
                status, body = await _answered(client.port, request)
                is_page = not body or body in page
                seen[b"accepted" if status == b"200" and not is_page else status] += 1

        await asyncio.gather(*(send(Random(f"{tries} {number}")) for number in range(_AT_ONCE)))
        status, _ = await client.get("/v1/status")
        return seen, desk.desk.status().gate.state, status


_REFUSED = {b"", b"400", b"401", b"403", b"404", b"405", b"408", b"413"}


async def test_z2_raw_requests_without_a_right_change_nothing(tmp_path: Path) -> None:
    """2,000 damaged and forged requests: none is carried out, and the right token is served after them."""
    seen, gate, status = await bombard(tmp_path, 2_000, DoorSettings(read_s=0.1, hold_s=0.01))

    assert ("OPEN", 200) == (gate, status)
    assert seen.keys() <= _REFUSED | {b"200", b"429"}
    assert seen[b"429"] > 2_000 / 4


@pytest.mark.prove
async def test_z2_a_million_raw_requests_change_nothing(tmp_path: Path) -> None:
    """The same at length, without the back-off after failed tries: every forged token is compared."""
    door = DoorSettings(failures_per_min=10**9, read_s=0.05)
    seen, gate, status = await bombard(tmp_path, MILLION, door)

    assert ("OPEN", 200) == (gate, status)
    assert seen.keys() <= _REFUSED | {b"200"}
    assert seen[b"401"] > MILLION / 4


def test_a_book_without_tokens_lets_nobody_in() -> None:
    """There is no default token."""
    assert TokenBook({}).bearer("") is None
