"""What ccxt's errors prove, held against real answers over a socket: refused with proof, or unknown; sent once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.ccxt.wire import CcxtWire
from meva_adapters.transport.http import HttpTransport, NotSentError
from meva_core.errors import VenueRefusedError, VenueUnknownError
from tests.integration.exchange.binance_case import server

# ccxt's errors are told apart by the names of their classes and of the classes that these derive from.
PARENTS = {
    "BaseError": "",
    "ExchangeError": "BaseError",
    "InvalidOrder": "ExchangeError",
    "AuthenticationError": "ExchangeError",
    "InsufficientFunds": "ExchangeError",
    "DuplicateOrderId": "InvalidOrder",
    "RequestTimeout": "BaseError",
    "RateLimitExceeded": "BaseError",
}
ERRORS: dict[str, type[Exception]] = {"": Exception}
for child, parent in PARENTS.items():
    ERRORS[child] = type(child, (ERRORS[parent],), {})


class Client:
    """Does with an answer what a ccxt client does: reads it, and raises the error that it names."""

    id = "example"
    fetch: Any

    def prepare_request_headers(self, headers: Any) -> dict[str, str]:
        return dict(headers or {})

    def parse_json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            return None

    def handle_errors(self, _status: int, _reason: str, _url: str, _method: str, *rest: Any) -> None:
        parsed = rest[2]
        if isinstance(parsed, dict) and "error" in parsed:
            raise ERRORS[parsed["error"]]("told by the exchange")

    def handle_http_status_code(self, status: int, *_rest: Any) -> None:
        if status >= 400:
            raise ERRORS["ExchangeError"](f"HTTP {status}")


async def asked(url: str, client: Client, transport: HttpTransport) -> Any:
    """Send one request by the client."""
    wire = CcxtWire(client, transport, SystemClock())
    return await wire.call("place", lambda: client.fetch(f"{url}/order", "POST", {}, "{}"))


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, "InvalidOrder", VenueRefusedError),
        (200, "InsufficientFunds", VenueRefusedError),
        (403, "AuthenticationError", VenueRefusedError),
        (401, "ExchangeError", VenueRefusedError),
        (400, "DuplicateOrderId", VenueRefusedError),
        (400, "ExchangeError", VenueUnknownError),
        (400, "RequestTimeout", VenueUnknownError),
        (429, "InvalidOrder", VenueUnknownError),
        (408, "InvalidOrder", VenueUnknownError),
        (503, "InvalidOrder", VenueUnknownError),
        (302, "InvalidOrder", VenueUnknownError),
        (201, "", VenueUnknownError),
    ],
)
async def test_an_error_proves_a_refusal_only_with_its_status(
    status: int, error: str, expected: type[Exception]
) -> None:
    """A kind of error that says no, and an answer that means no, are needed both; the request leaves once."""
    requests = 0

    async def handle(_request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        body = {"error": error} if error else {}
        return web.json_response(body, status=status, headers={"Location": "/elsewhere"})

    async with server(handle) as url, HttpTransport() as transport:
        with pytest.raises(expected):
            await asked(url, Client(), transport)

    assert 1 == requests


async def test_a_limit_in_an_answer_with_http_200_is_kept() -> None:
    """An exchange that tells its limits in the body is left alone as well."""
    requests = 0

    async def handle(_request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        return web.json_response({"error": "RateLimitExceeded"})

    async with server(handle) as url, HttpTransport() as transport:
        client = Client()
        wire = CcxtWire(client, transport, SystemClock())
        with pytest.raises(VenueUnknownError):
            await wire.call("place", lambda: client.fetch(f"{url}/order", "POST"))
        with pytest.raises(NotSentError, match="rate limited"):
            await wire.call("place", lambda: client.fetch(f"{url}/order", "POST"))

    assert 1 == requests


async def test_what_ccxt_refuses_itself_was_never_sent() -> None:
    """An error of ccxt's own before any request is proof; after one, it is none."""

    async def refuse() -> None:
        raise ERRORS["InvalidOrder"]("too small")

    async def stumble() -> None:
        raise KeyError("price")

    async with HttpTransport() as transport:
        wire = CcxtWire(Client(), transport, SystemClock())
        with pytest.raises(NotSentError, match="InvalidOrder: too small"):
            await wire.call("place", refuse)
        with pytest.raises(VenueUnknownError, match="cannot read the answer"):
            await wire.call("place", stumble)

    assert 1 == wire.anomalies["malformed_answer"]
