"""Several accounts, sessions over WebSockets, orders that replace orders, and the faults of user streams."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET, AccountSettings, VenueSettings
from tests.contract.venue_case import found, limit_buy, raw, signature, signed, subscription

OTHER_KEY, OTHER_SECRET = "other-key", "other-secret"
SIGNING = Ed25519PrivateKey.generate()
PUBLIC_PEM = SIGNING.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
RICH = {"USDT": Decimal(10_000), "BTC": Decimal(1)}


@pytest.fixture
async def venue() -> AsyncIterator[VenueServer]:
    """Run a venue with two accounts by secret and one by an Ed25519 key."""
    accounts = (
        AccountSettings(DEFAULT_KEY, DEFAULT_SECRET, RICH),
        AccountSettings(OTHER_KEY, OTHER_SECRET, {"USDT": Decimal(500)}),
        AccountSettings("signing-key", "", RICH, public_key_pem=PUBLIC_PEM),
    )
    async with VenueServer(VenueSettings(accounts=accounts)) as server:
        yield server


async def of_other(venue: VenueServer, method: str, path: str, **params: Any) -> Any:
    """Make a call signed by the other account; return its body."""
    query = "&".join(
        f"{name}={value}" for name, value in ({"timestamp": venue.exchange.now_ms()} | params).items()
    )
    target = f"{path}?{query}&signature={signature(query, OTHER_SECRET)}"
    return (await raw(venue, method, target, headers={"X-MBX-APIKEY": OTHER_KEY})).body


@asynccontextmanager
async def api(venue: VenueServer) -> AsyncIterator[ClientWebSocketResponse]:
    """Connect to the WebSocket API."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{venue.ws_url}/ws-api/v3") as socket:
        yield socket


async def asked(socket: ClientWebSocketResponse, method: str, **params: Any) -> dict[str, Any]:
    """Ask and return the answer; events that come before it are passed over."""
    await socket.send_json({"id": method, "method": method, "params": params})
    while True:
        answer: dict[str, Any] = await socket.receive_json(timeout=5)
        if answer.get("id") == method:
            return answer


def logon() -> dict[str, Any]:
    """Return the parameters of a logon by Ed25519."""
    stamp = int(time.time() * 1000)
    payload = f"apiKey=signing-key&timestamp={stamp}".encode()
    return {
        "apiKey": "signing-key",
        "timestamp": stamp,
        "signature": base64.b64encode(SIGNING.sign(payload)).decode(),
    }


async def test_accounts_do_not_see_one_another(venue: VenueServer) -> None:
    """Money, orders, names, trades and limits are each account's own."""
    await limit_buy(venue, "same-name")
    bought = await signed(
        venue, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01"
    )
    theirs = await of_other(venue, "GET", "account", omitZeroBalances="true")
    taken = await of_other(
        venue, "POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001",
        price="50000.00", newClientOrderId="same-name",
    )  # fmt: skip
    too_dear = await of_other(
        venue, "POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.1",
        price="50000.00",
    )  # fmt: skip

    assert "FILLED" == bought.body["status"]
    assert [{"asset": "USDT", "free": "500.00000000", "locked": "0.00000000"}] == theirs["balances"]
    assert "NEW" == taken["status"]
    assert -2010 == too_dear["code"]
    assert [] == await of_other(venue, "GET", "myTrades", symbol="BTCUSDT")
    assert ["0.00100000"] == [each["origQty"] for each in await of_other(venue, "GET", "openOrders")]
    assert ["0.01000000"] == [each["origQty"] for each in (await signed(venue, "GET", "openOrders")).body]
    mine, other = ((await signed(venue, "GET", "account")).body["uid"], theirs["uid"])
    assert mine != other


async def test_one_connection_may_follow_several_accounts(venue: VenueServer) -> None:
    """Each subscription has its number, and tells of its own account alone."""
    stamp = int(time.time() * 1000)
    other = {"apiKey": OTHER_KEY, "timestamp": stamp}
    other["signature"] = signature(f"apiKey={OTHER_KEY}&timestamp={stamp}", OTHER_SECRET)
    async with api(venue) as socket:
        await socket.send_json(subscription())
        first = await socket.receive_json(timeout=5)
        second = await asked(socket, "userDataStream.subscribe.signature", **other)
        again = await asked(socket, "userDataStream.subscribe.signature", **other)
        listed = await asked(socket, "session.subscriptions")
        await limit_buy(venue, "mine")
        event = await socket.receive_json(timeout=5)
        ended = await asked(socket, "userDataStream.unsubscribe", subscriptionId=1)
        unknown = await asked(socket, "userDataStream.unsubscribe", subscriptionId=1)

    assert (0, 1) == (first["result"]["subscriptionId"], second["result"]["subscriptionId"])
    assert -2035 == again["error"]["code"]
    assert [{"subscriptionId": 0}, {"subscriptionId": 1}] == listed["result"]
    assert (0, "mine") == (event["subscriptionId"], event["event"]["c"])
    assert {} == ended["result"]
    assert -2036 == unknown["error"]["code"]


async def test_a_session_needs_no_further_signature(venue: VenueServer) -> None:
    """After a logon by Ed25519 orders and the user stream need a time alone; after the logout they are refused."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001"}
    async with api(venue) as socket:
        before = await asked(socket, "userDataStream.subscribe")
        entered = await asked(socket, "session.logon", **logon())
        listening = await asked(socket, "userDataStream.subscribe")
        placed = await asked(socket, "account.status", timestamp=int(time.time() * 1000))
        stamped = order | {"price": "50000.00", "timestamp": int(time.time() * 1000)}
        await socket.send_json({"id": 9, "method": "order.place", "params": stamped})
        heard = [await socket.receive_json(timeout=5) for _ in range(3)]
        status = await asked(socket, "session.status")
        left = await asked(socket, "session.logout")
        after = await asked(socket, "account.status", timestamp=int(time.time() * 1000))

    assert -2015 == before["error"]["code"]
    assert "signing-key" == entered["result"]["apiKey"]
    assert {"subscriptionId": 0} == listening["result"]
    assert placed["result"]["canTrade"]
    assert "NEW" == next(answer["result"]["status"] for answer in heard if answer.get("id") == 9)
    assert {"executionReport", "outboundAccountPosition"} == {a["event"]["e"] for a in heard if "event" in a}
    assert status["result"]["userDataStream"]
    assert left["result"]["apiKey"] is None
    assert 401 == after["status"]


async def test_only_ed25519_keys_log_on(venue: VenueServer) -> None:
    """A key that signs with a secret is refused, and so is a wrong signature."""
    stamp = int(time.time() * 1000)
    by_secret = {"apiKey": DEFAULT_KEY, "timestamp": stamp}
    by_secret["signature"] = signature(f"apiKey={DEFAULT_KEY}&timestamp={stamp}")
    async with api(venue) as socket:
        secret = await asked(socket, "session.logon", **by_secret)
        wrong = await asked(socket, "session.logon", **(logon() | {"signature": "AAAA"}))

    assert -4056 == secret["error"]["code"]
    assert -1022 == wrong["error"]["code"]


def replacement(
    price: str, old: str, *, mode: str = "STOP_ON_FAILURE", name: str = "new-1"
) -> dict[str, str]:
    """Return the parameters that replace *old* by a limit buy at *price*."""
    return {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": price,
        "newClientOrderId": name, "cancelOrigClientOrderId": old, "cancelReplaceMode": mode,
    }  # fmt: skip


async def test_an_order_is_replaced_by_another(venue: VenueServer) -> None:
    """Both succeed: the old one is canceled, the new one is open."""
    await limit_buy(venue, "old-1")

    answer = await signed(venue, "POST", "order/cancelReplace", **replacement("50001.00", "old-1"))

    assert (200, "SUCCESS", "SUCCESS") == (
        answer.status, answer.body["cancelResult"], answer.body["newOrderResult"],
    )  # fmt: skip
    assert "CANCELED" == (await found(venue, "old-1")).body["status"]
    new = (await found(venue, "new-1")).body
    assert ("NEW", "50001.00000000") == (new["status"], new["price"])


@pytest.mark.parametrize(
    ("old", "price", "mode", "status", "code", "results", "is_new"),
    [
        ("none", "50001.00", "STOP_ON_FAILURE", 400, -2022, ("FAILURE", "NOT_ATTEMPTED"), False),
        ("none", "50001.00", "ALLOW_FAILURE", 409, -2021, ("FAILURE", "SUCCESS"), True),
        ("none", "50001.001", "ALLOW_FAILURE", 400, -2022, ("FAILURE", "FAILURE"), False),
        ("old-1", "50001.001", "STOP_ON_FAILURE", 409, -2021, ("SUCCESS", "FAILURE"), False),
    ],
)
async def test_a_replacement_may_be_done_by_half(
    venue: VenueServer,
    old: str,
    price: str,
    mode: str,
    status: int,
    code: int,
    results: tuple[str, str],
    is_new: bool,
) -> None:
    """The answer says which half was done, and the books agree with it."""
    await limit_buy(venue, "old-1")

    answer = await signed(venue, "POST", "order/cancelReplace", **replacement(price, old, mode=mode))

    data = answer.body["data"]
    assert (status, code) == (answer.status, answer.body["code"])
    assert results == (data["cancelResult"], data["newOrderResult"])
    assert ("CANCELED" if results[0] == "SUCCESS" else "NEW") == (await found(venue, "old-1")).body["status"]
    assert (200 if is_new else 400) == (await found(venue, "new-1")).status


async def test_user_events_can_come_twice_and_late(venue: VenueServer) -> None:
    """The same report arrives two times; a late one arrives after its delay, and the answer before it."""
    async with api(venue) as socket:
        await socket.send_json(subscription())
        await socket.receive_json(timeout=5)
        venue.strike(Fault(kind=FaultKind.DUPLICATE_USER_EVENTS))
        await limit_buy(venue, "twice")
        events = [(await socket.receive_json(timeout=5))["event"] for _ in range(3)]
        venue.strike(Fault(kind=FaultKind.LATE_USER_EVENTS, times=2, milliseconds=400))
        began = time.monotonic()
        await limit_buy(venue, "late")
        answered = time.monotonic() - began
        late = (await socket.receive_json(timeout=5))["event"]
        heard = time.monotonic() - began

    assert [("executionReport", "twice")] * 2 == [(each["e"], each.get("c")) for each in events[:2]]
    assert events[0] == events[1]
    assert "late" == late["c"]
    assert answered < heard
    assert heard >= 0.39


async def test_silent_streams_stand_and_say_nothing(venue: VenueServer) -> None:
    """Events and answers of that time are lost; the connection lives on and tells what comes later."""
    async with api(venue) as socket:
        await socket.send_json(subscription())
        await socket.receive_json(timeout=5)
        venue.strike(Fault(kind=FaultKind.SILENT_STREAMS, scope="user", milliseconds=300))
        await limit_buy(venue, "unheard")
        with pytest.raises(TimeoutError):
            await socket.receive_json(timeout=0.2)
        await asyncio.sleep(0.2)
        await limit_buy(venue, "heard")
        event = (await socket.receive_json(timeout=5))["event"]

    assert "heard" == event["c"]


async def test_a_call_that_is_late_is_judged_by_its_time_again(venue: VenueServer) -> None:
    """Held up beyond its window before the engine, an order is refused and not placed."""
    venue.strike(Fault(kind=FaultKind.DELAY_BEFORE, call="order.place", milliseconds=300))

    late = await limit_buy(venue, "late-1", recvWindow="100")

    assert -1021 == late.body["code"]
    assert 400 == (await found(venue, "late-1")).status


async def test_limits_of_weight_and_orders_are_kept() -> None:
    """Too many orders of an account, and too much weight of an address, are refused before the engine."""
    async with VenueServer(VenueSettings(order_limit_10s=3, weight_limit=200)) as venue:
        answers = [await limit_buy(venue, f"many-{number}") for number in range(5)]
        refused = next(answer for answer in answers if answer.status != 200)
        heavy = [await raw(venue, "GET", "depth?symbol=BTCUSDT&limit=1000") for _ in range(5)][-1]

    assert 3 == sum(answer.status == 200 for answer in answers)
    assert (429, -1015) == (refused.status, refused.body["code"])
    assert (429, -1003) == (heavy.status, heavy.body["code"])
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in (refused, heavy))


async def test_who_does_not_stop_is_banned() -> None:
    """After a hundred refusals the address is refused with 418, for two minutes."""
    async with VenueServer(VenueSettings(weight_limit=1)) as venue:
        answers = [await raw(venue, "GET", "depth?symbol=BTCUSDT") for _ in range(102)]

    assert (429, 418) == (answers[99].status, answers[-1].status)
    assert 100 < int(answers[-1].headers["Retry-After"]) <= 120
