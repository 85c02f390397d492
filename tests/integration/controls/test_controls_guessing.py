"""Z2: who guesses learns nothing, neither from answers nor from the time that they take."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from random import Random
from time import perf_counter_ns

import pytest

from meva_adapters.controls.access import Scope, TokenBook, open_tokens, read_token
from tests.integration.controls.controls_case import served

TRIES = 100_000
_BATCH = 20
# Of a fair comparison, one in a hundred thousand exceeds it.
SIGNIFICANT = 4.5


def difference(check: Callable[[str], object], first: str, second: str) -> float:
    """Return the Mann-Whitney z of the times that *check* takes for two tokens, tried in a random order.

    Ranks are deaf to the pauses of a crowded machine; batches rise above the clock's own step.
    """
    draw, times = Random(1), []
    order = [0, 1] * (TRIES // _BATCH // 2)
    draw.shuffle(order)
    tokens = (first, second)
    for which in order:
        token = tokens[which]
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


def raw_request(draw: Random, port: int) -> bytes:
    """Return something like a request: a real one with its parts changed, left out or made up, or noise."""
    if draw.random() < 0.2:
        return draw.randbytes(draw.randrange(1, 400))
    method = draw.choice(("GET", "POST", "PUT", "DELETE", "KILL", "get", ""))
    path = draw.choice(
        ("/v1/kill", "/v1/resume", "/v1/status", "/v1/metrics", "/", "//v1/kill", "/v1/../kill", "*")
    )
    token = secrets.token_urlsafe(draw.choice((0, 8, 32, 200)))
    headers = [
        f"Host: {draw.choice((f'127.0.0.1:{port}', 'localhost', 'evil.example', ''))}",
        f"Authorization: {draw.choice(('Bearer', 'bearer', 'Basic', ''))} {token}",
        "Content-Type: application/json",
        f"Content-Length: {draw.choice((0, 2, -1, 10**9))}",
        draw.choice(("Transfer-Encoding: chunked", "X: y", "Cookie: token=" + token)),
    ]
    chosen = draw.sample(headers, draw.randrange(len(headers) + 1))
    return (f"{method} {path} HTTP/1.{draw.choice('0129')}\r\n" + "\r\n".join(chosen) + "\r\n\r\n{}").encode()


async def _sent(port: int, request: bytes) -> bytes:
    """Return the first line of the answer; empty where the server said nothing before it closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def bombard(tmp_path: Path, tries: int) -> tuple[set[bytes], str, int]:
    """Send *tries* raw requests without a token; return the statuses, the gate, and what a right token gets then."""
    async with served(tmp_path) as (desk, client):
        draw, seen = Random(tries), set()
        for _ in range(tries):
            line = await _sent(client.port, raw_request(draw, client.port))
            seen.add(line.split(b" ")[1] if line.count(b" ") > 1 else b"")
        status, _ = await client.get("/v1/status")
        return seen, desk.desk.status().gate.state, status


async def test_z2_raw_requests_without_a_token_change_nothing(tmp_path: Path) -> None:
    """2,000 damaged, forged and made-up requests: none is carried out, and the right token is served after them.

    The page itself, which holds no data, is the one thing that a stranger gets with 200.
    """
    seen, gate, status = await bombard(tmp_path, 2_000)

    assert ("OPEN", 200) == (gate, status)
    assert seen <= {b"", b"200", b"400", b"401", b"403", b"404", b"405", b"408", b"413", b"429"}


@pytest.mark.prove
async def test_z2_a_hundred_thousand_raw_requests_change_nothing(tmp_path: Path) -> None:
    """The same, at length."""
    _, gate, status = await bombard(tmp_path, 100_000)

    assert ("OPEN", 200) == (gate, status)


def test_a_book_without_tokens_lets_nobody_in() -> None:
    """There is no default token."""
    assert TokenBook({}).bearer("") is None
