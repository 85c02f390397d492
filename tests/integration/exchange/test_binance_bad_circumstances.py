"""Whatever is wrong with a key, a market, a clock or a network, an order leaves once at most and its state is known.

Every row of the table: what happens, what the order becomes, the words that a person reads, and how many orders reached
the venue.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.exchange.binance.user_stream import BinanceUserStream
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_MARKETS, DEFAULT_SECRET
from meva_core.commands import ObserveVenue, PlaceOrder
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderDropped,
    OrderOutcomeUnknown,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from tests.integration.exchange.binance_case import CLOCK, calls_of, is_ours, order, server
from tests.integration.exchange.heard import followed

BTC = DEFAULT_MARKETS[0].instrument
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
FORBIDDEN = "This action is disabled on this account."


@frozen
class Row:
    """Say what is struck, what becomes of the order, in which words, and whether the venue then holds it."""

    becomes: type
    words: str
    fault: Fault | None = None
    is_held: bool = False
    key: str = DEFAULT_KEY
    symbol: str = "BTC/USDT"


def struck(kind: FaultKind, **facts: Any) -> Fault:
    """Return a fault of the call that places an order."""
    return Fault(kind=kind, call="order.place", **facts)


NOTIONAL = Fault(kind=FaultKind.FILTERS, symbol="BTCUSDT", filters={"min_notional": "5000"})
HALT = Fault(kind=FaultKind.HALT, symbol="BTCUSDT")
AHEAD, BEHIND = (Fault(kind=FaultKind.CLOCK_OFFSET, milliseconds=sign * 90_000) for sign in (1, -1))
DISABLED = struck(FaultKind.REJECT, code=-2010, message=FORBIDDEN)
LIMIT = struck(FaultKind.STATUS, status=429, retry_after_s=1)
BAN = struck(FaultKind.STATUS, status=418, retry_after_s=1)
HALF_OPEN = struck(FaultKind.DELAY_AFTER, milliseconds=1_500)
TABLE = {
    "wrong key": Row(OrderRejected, "-2015 Invalid API-key, IP, or permissions for action.", key="nobody"),
    "no permission": Row(OrderRejected, f"-2010 {FORBIDDEN}", DISABLED),
    "unknown symbol": Row(OrderRejected, "-1121 Invalid symbol.", symbol="NO/SUCH"),
    "filters changed": Row(OrderRejected, "-1013 Filter failure: NOTIONAL", NOTIONAL),
    "halted symbol": Row(OrderRejected, "-2010 Market is closed.", HALT),
    "clock 90 s ahead": Row(OrderRejected, "-1021 Timestamp for this request is outside", AHEAD),
    "clock 90 s behind": Row(OrderRejected, "-1021 Timestamp for this request was 1000ms", BEHIND),
    "limit": Row(OrderRejected, "429 Too much request weight", LIMIT),
    "ban": Row(OrderRejected, "418 Way too much request weight", BAN),
    "lost before": Row(OrderOutcomeUnknown, "ServerDisconnected", struck(FaultKind.LOST_BEFORE)),
    "lost after": Row(OrderOutcomeUnknown, "ServerDisconnected", struck(FaultKind.LOST_AFTER), is_held=True),
    "timeout after": Row(
        OrderOutcomeUnknown, "HTTP 504 -1007", struck(FaultKind.TIMEOUT_AFTER), is_held=True
    ),
    "half-open": Row(OrderOutcomeUnknown, "Timeout", HALF_OPEN, is_held=True),
}


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
async def test_an_order_leaves_once_and_its_state_is_known(row: Row) -> None:
    """The venue counts one order at most; asked afterwards, it holds what the row says."""
    async with VenueServer() as venue, HttpTransport(timeout_s=0.7) as transport:
        calls = calls_of(transport, venue.url, key=row.key)
        exchange = BinanceExchange(calls, symbols=[row.symbol], owns=is_ours)
        await calls.measure_clock()
        if row.fault is not None:
            venue.strike(row.fault)
        counted = counted_orders(venue)
        event, *more = await exchange.place(order("ours1", symbol=row.symbol))
        venue.reset()
        held = venue.exchange.accounts[DEFAULT_KEY].open_orders(None, as_of_ms=1 << 62)

    assert row.becomes is type(event)
    assert row.words in said(event)
    assert "\n" not in said(event)
    assert all(type(each).__name__ == "ClockMeasured" for each in more)
    assert ["ours1"] * row.is_held == [each.client_order_id for each in held]
    assert counted() <= 1


def counted_orders(venue: VenueServer) -> Callable[[], int]:
    """Count the orders that reach the venue's engine from now on."""
    account = venue.exchange.accounts[DEFAULT_KEY]
    place, reached = account.place, []

    def counting(*arguments: Any) -> Any:
        reached.append(arguments)
        return place(*arguments)

    account.place = counting  # type: ignore[method-assign]
    return lambda: len(reached)


def said(event: Event) -> str:
    """Return what an event says to a person."""
    parts = [getattr(event, name, "") for name in ("code", "reason", "problem")]
    return " ".join(part for part in parts if part)


async def test_after_a_wrong_clock_the_next_order_is_taken() -> None:
    """The refusal makes the clock be measured, and the next stamp is by the venue's time."""
    async with VenueServer() as venue, HttpTransport(timeout_s=2) as transport:
        calls = calls_of(transport, venue.url)
        exchange = BinanceExchange(calls, symbols=["BTC/USDT"], owns=is_ours)
        await calls.measure_clock()
        venue.strike(Fault(kind=FaultKind.CLOCK_OFFSET, milliseconds=90_000))
        await exchange.place(order("ours1"))
        late = order("ours2")
        [taken] = await exchange.place(PlaceOrder(late.request, late.approved, calls.venue_ns()))

    assert isinstance(taken, OrderAcknowledged)


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return the side of a server whose certificate nobody trusts."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context


@asynccontextmanager
async def untrusted(folder: Path, seen: list[str]) -> AsyncIterator[str]:
    """Serve TLS with a certificate that nobody trusts."""

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self_signed(folder))
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def plain(_folder: Path, seen: list[str]) -> AsyncIterator[str]:
    """Serve no TLS where TLS is expected."""

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response()

    async with server(handle) as url:
        yield url.replace("http", "https")


@asynccontextmanager
async def nowhere(_folder: Path, _seen: list[str]) -> AsyncIterator[str]:
    """Be a name that no resolver knows (RFC 2606)."""
    yield "https://venue.invalid"


@asynccontextmanager
async def down(_folder: Path, _seen: list[str]) -> AsyncIterator[str]:
    """Be a port where nobody listens any more."""
    async with VenueServer() as venue:
        url = venue.url
    yield url


@pytest.mark.parametrize("unreachable", [untrusted, plain, nowhere, down])
async def test_who_cannot_be_reached_got_nothing(
    tmp_path: Path, unreachable: Callable[[Path, list[str]], Any]
) -> None:
    """TLS, names and ports: the order is dropped with proof, questions fail, streams claim nothing and go on."""
    seen: list[str] = []
    async with unreachable(tmp_path, seen) as url, HttpTransport(timeout_s=5) as transport:
        calls = calls_of(transport, url)
        exchange = BinanceExchange(calls, symbols=["BTC/USDT"], owns=is_ours)
        ws = url.replace("http", "ws")
        streams = (
            BinanceMarketStream(calls, transport, stream_url=ws, instruments=[BTC], jitter=lambda: 0.0),
            BinanceUserStream(
                calls,
                transport,
                HmacSigner(DEFAULT_SECRET),
                ws_api_url=ws,
                symbols=["BTC/USDT"],
                jitter=lambda: 0.0,
            ),
        )
        async with followed(streams[0]) as market, followed(streams[1]) as user:
            [dropped] = await exchange.place(order("ours1"))
            [failed] = await exchange.observe(ObserveVenue("test"))
            with pytest.raises(VenueUnknownError) as caught:
                await BinanceReference(calls).measure_clock()
            await asyncio.sleep(0.2)

    assert isinstance(dropped, OrderDropped)
    assert isinstance(failed, RequestFailed)
    assert "\n" not in f"{dropped.reason}{failed.problem}{caught.value}"
    assert "Connector" in dropped.reason
    assert "signature" not in f"{dropped.reason}{failed.problem}{caught.value}"
    assert ([], []) == (market.events, user.events)
    assert [] == seen


async def test_a_key_without_permissions_is_told_before_anything_starts() -> None:
    """The facts of the account are refused in the venue's words; the account's stream stays down."""
    async with VenueServer() as venue, HttpTransport() as transport:
        reference = BinanceReference(calls_of(transport, venue.url, key="nobody"))
        with pytest.raises(VenueRefusedError, match=r"-2015 Invalid API-key, IP, or permissions"):
            await reference.account_facts()


async def test_a_venue_that_hangs_up_amid_an_answer_proves_nothing() -> None:
    """Half an answer is none: the order is of unknown outcome, the question failed, and each was asked once."""
    asked: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            request = await reader.readuntil(b"\r\n\r\n")
            asked.append(request.split(b"?", 1)[0].decode())
            if b"/time" in request:
                body = b'{"serverTime":%d}' % (CLOCK.now_ns() // 10**6)
                writer.write(HEAD % len(body) + body)
            else:
                writer.write(HEAD % 5000 + b'{"symbol":"BTCUSDT",')
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with HttpTransport(timeout_s=2) as transport:
        exchange = BinanceExchange(
            calls_of(transport, f"http://127.0.0.1:{port}"), symbols=["BTC/USDT"], owns=is_ours
        )
        await exchange._calls.measure_clock()
        [placed] = await exchange.place(order("ours1"))
        [state] = await exchange.observe(ObserveVenue("test"))
    listening.close()
    await listening.wait_closed()

    assert isinstance(placed, OrderOutcomeUnknown)
    assert isinstance(state, RequestFailed)
    assert not isinstance(state, VenueStateObserved)
    assert 1 == sum(line.startswith("POST") for line in asked)
    assert 1 == sum("openOrders" in line for line in asked)
