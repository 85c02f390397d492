"""Nobody reaches the agent without the right token, host, origin, scope and size (Z1 to Z7)."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from pathlib import Path

import pytest

from meva_adapters.controls.access import Scope, TokenBook, open_tokens, read_token
from meva_adapters.controls.doorkeeper import DoorSettings
from meva_adapters.controls.openapi import OPERATIONS
from meva_adapters.controls.server import ControlsServer, ServerSettings
from meva_core.errors import ConfigError
from tests.integration.controls.controls_case import Desk, served

STOP = {"request_id": "r-1", "actor": "ann", "reason": "test"}


@pytest.mark.parametrize(
    "settings",
    [
        ServerSettings(host="0.0.0.0"),
        ServerSettings(host="0.0.0.0", allow_remote=True),
        ServerSettings(host="0.0.0.0", tls=ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)),
        ServerSettings(host="example.com", allow_remote=True),
    ],
)
def test_z1_other_addresses_need_tls_and_a_flag(settings: ServerSettings, tmp_path: Path) -> None:
    """Either alone is refused before anything listens."""
    desk = Desk(tmp_path / "session.db")
    with pytest.raises(ConfigError, match="TLS and allow_remote"):
        ControlsServer(desk.desk, TokenBook({}), settings)
    desk.session.close()


async def test_z2_every_route_needs_a_token(tmp_path: Path) -> None:
    """Kill and health included, and a token in the address is none."""
    door = DoorSettings(failures_per_min=1_000)
    async with served(tmp_path, door=door) as (_, client):
        token = read_token(client.folder, Scope.ARM)
        statuses = set()
        for item in OPERATIONS:
            address = client.url(item.path.replace("{client_order_id}", "x")) + f"?token={token}"
            async with client.http.request(item.method, address, json=STOP) as response:
                statuses.add(response.status)
                assert "Bearer" == response.headers["WWW-Authenticate"]

    assert {401} == statuses


def test_z2_random_and_nearly_right_tokens_are_refused(tmp_path: Path) -> None:
    """Of 100,000 guesses and every prefix of a right token none passes."""
    book = open_tokens(tmp_path / "control")
    right = read_token(tmp_path / "control", Scope.ARM)
    guesses = [secrets.token_urlsafe(32) for _ in range(100_000)]
    guesses += [right[:length] for length in range(len(right))] + [right + "A", right.swapcase()]

    assert [] == [guess for guess in guesses if book.bearer(guess)]
    assert book.bearer(right) is not None


def test_z2_only_hashes_are_kept_by_the_server(tmp_path: Path) -> None:
    """What the server reads holds no token; every file is private, and a shared one is refused."""
    folder = tmp_path / "control"
    open_tokens(folder)
    book = (folder / "tokens.json").read_text()
    modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
    (folder / "tokens.json").chmod(0o644)

    assert all(read_token(folder, scope) not in book for scope in Scope)
    assert {0o600} == modes
    assert 0o700 == folder.stat().st_mode & 0o777
    with pytest.raises(ConfigError, match="others can read it"):
        open_tokens(folder)


async def test_z3_a_scope_allows_no_more_than_it_says(tmp_path: Path) -> None:
    """Read < stop < budget < arm, for every route and scope."""
    async with served(tmp_path, door=DoorSettings(requests_per_s=1_000)) as (_, client):
        for item in OPERATIONS:
            for scope in Scope:
                if item.name == "stream":
                    continue
                path = client.url(item.path.replace("{client_order_id}", "x"))
                async with client.http.request(
                    item.method,
                    path,
                    data=b"{}",
                    headers=client.headers(scope) | {"Content-Type": "application/json"},
                ) as response:
                    allowed = response.status != 403
                assert (scope >= item.scope) == allowed, (item.name, scope)


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Host", "evil.example", 403),
        ("Host", "127.0.0.1", 403),
        ("Origin", "https://evil.example", 403),
        ("Origin", "null", 403),
        ("Content-Type", "text/plain", 415),
        ("Content-Type", "application/x-www-form-urlencoded", 415),
    ],
)
async def test_z4_pages_of_others_reach_nothing(header: str, value: str, status: int, tmp_path: Path) -> None:
    """A foreign host or origin is refused even with a right token; so is a form."""
    async with served(tmp_path) as (desk, client):
        headers = client.headers() | {header: value}
        async with client.http.post(
            client.url("/v1/pause"), json=None, data=b"{}", headers=headers
        ) as response:
            seen = response.status
        gate = desk.desk.status().gate.state

    assert status == seen
    assert "OPEN" == gate


async def test_z4_every_answer_forbids_framing_sniffing_and_storing(tmp_path: Path) -> None:
    """Refusals too; there are no cookies and no CORS headers."""
    async with served(tmp_path) as (_, client):
        answers = []
        for path, headers in (
            ("/v1/status", client.headers()),
            ("/v1/status", {}),
            ("/nothing", client.headers()),
        ):
            async with client.http.get(client.url(path), headers=headers) as response:
                answers.append((response.status, response.headers))

    assert [200, 401, 404] == [status for status, _ in answers]
    for _, headers in answers:
        assert "nosniff" == headers["X-Content-Type-Options"]
        assert "DENY" == headers["X-Frame-Options"]
        assert "no-store" == headers["Cache-Control"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert not {"Set-Cookie", "Access-Control-Allow-Origin"} & set(headers)


async def test_z5_bodies_and_headers_are_bounded(tmp_path: Path) -> None:
    """16 KiB of body and 8 KiB of header pass no further."""
    async with served(tmp_path) as (_, client):
        headers = client.headers() | {"Content-Type": "application/json"}
        async with client.http.post(client.url("/v1/pause"), data=b" " * 16_385, headers=headers) as response:
            large_body = response.status
        async with client.http.get(
            client.url("/v1/status"), headers=headers | {"X-Long": "x" * 9_000}
        ) as response:
            large_header = response.status

    assert (413, 400) == (large_body, large_header)


async def test_z5_what_is_no_http_is_counted_and_fills_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand such lines a second would hide what matters; each is answered with 400, and nothing repeats it."""
    caplog.set_level("DEBUG")
    desk = Desk(tmp_path / "session.db")
    server = ControlsServer(desk.desk, TokenBook({}), ServerSettings())
    port, kill_port = await server.start()
    lines = ["GET /guess HTTP/9.9", "GET /v1/status HTTP/1.1\r\nguess", "POST /v1/kill HTTP/1.1\r\n:guess"]
    answers = []
    for number in (port, kill_port):
        for line in lines:
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(f"{line}\r\n\r\n".encode())
            answers.append((await reader.readline()).split(b" ")[1])
            writer.close()
    refused = server.refused
    await server.stop()
    desk.session.close()

    assert [b"400"] * 6 == answers
    assert {400: 6} == refused
    assert "guess" not in caplog.text
    assert [] == [record for record in caplog.records if record.levelname == "ERROR"]


async def test_z5_slow_requests_are_ended(tmp_path: Path) -> None:
    """Neither headers nor a body may take longer than the read time."""
    async with served(tmp_path, door=DoorSettings(read_s=0.2)) as (_, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(b"GET /v1/status HTTP/1.1\r\nHost: ")
        no_headers = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        token = read_token(client.folder, Scope.ARM)
        head = (
            f"POST /v1/pause HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAuthorization: Bearer {token}\r\n"
        )
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 10\r\n\r\n".encode())
        no_body = await asyncio.wait_for(reader.readline(), 5)
        writer.close()

    assert b"" == no_headers
    assert b"HTTP/1.1 408" in no_body


async def test_z5_a_token_has_a_rate_and_kill_has_none(tmp_path: Path) -> None:
    """The eleventh request of a second is refused; a kill at that moment is not."""
    async with served(tmp_path, door=DoorSettings(clock=lambda: 0.0)) as (_, client):
        seen = [(await client.get("/v1/status", Scope.STOP))[0] for _ in range(11)]
        killed, _ = await client.post("/v1/kill", Scope.STOP)

    assert [200] * 10 + [429] == seen
    assert 200 == killed


async def test_z5_failed_tries_back_off_and_never_lock_out_the_right_token(tmp_path: Path) -> None:
    """The sixth wrong token waits; the right one passes."""
    async with served(tmp_path) as (_, client):
        wrong = []
        for _ in range(6):
            async with client.http.get(
                client.url("/v1/status"), headers={"Authorization": "Bearer no"}
            ) as response:
                wrong.append(response.status)
        right, _ = await client.get("/v1/status")

    assert [401] * 5 + [429] == wrong
    assert 200 == right


async def test_z5_kill_has_a_lane_that_others_cannot_fill(tmp_path: Path) -> None:
    """With every connection of the main lane taken, a kill on its own port is answered."""
    async with served(tmp_path, connections_max=4) as (desk, client):
        held = [await asyncio.open_connection("127.0.0.1", client.port) for _ in range(4)]
        reader, _ = beyond = await asyncio.open_connection("127.0.0.1", client.port)
        refused = await asyncio.wait_for(reader.read(), 5)
        address = f"http://127.0.0.1:{client.kill_port}/v1/kill"
        async with client.http.post(address, json=STOP, headers=client.headers(Scope.STOP)) as response:
            killed = response.status
        for _, writer in (*held, beyond):
            writer.close()
        gate = desk.desk.status().gate.state

    assert b"" == refused
    assert (200, "KILLED") == (killed, gate)
