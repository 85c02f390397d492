"""The simulated venue keeps its protocol: orders, refusals, streams, and every fault that can be ordered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, AccountSettings
from meva_adapters.venue.signatures import check_signature
from tests.contract.venue_case import found, limit_buy, raw, signature, signed, subscription


@pytest.fixture
async def venue() -> AsyncIterator[VenueServer]:
    """Run a venue."""
    async with VenueServer() as server:
        yield server


def test_the_documented_signature_is_right() -> None:
    """The example of the protocol's documentation is accepted, and one changed digit is not."""
    payload = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
        "&recvWindow=5000&timestamp=1499827319559"
    )
    account = AccountSettings("k", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j", {})
    right = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"

    check_signature(account, payload.encode(), right.upper())
    with pytest.raises(Exception, match="-1022"):
        check_signature(account, payload.encode(), right.replace("c8", "c9"))


async def test_a_market_order_is_filled_and_paid(venue: VenueServer) -> None:
    """The answer holds the fills, and the balances moved by exactly what they say."""
    answer = await signed(
        venue, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01"
    )
    account = await signed(venue, "GET", "account")

    fill = answer.body["fills"][0]
    held = {each["asset"]: Decimal(each["free"]) for each in account.body["balances"]}
    assert "FILLED" == answer.body["status"]
    assert Decimal(1_000_000) - Decimal(answer.body["cummulativeQuoteQty"]) == held["USDT"]
    assert Decimal("10.01") - Decimal(fill["commission"]) == held["BTC"]
    assert "X-MBX-ORDER-COUNT-10S" in answer.headers
    assert ("0", "20") == (answer.headers["X-MBX-USED-WEIGHT-1M"], account.headers["X-MBX-USED-WEIGHT-1M"])


async def test_a_resting_order_locks_is_found_and_canceled(venue: VenueServer) -> None:
    """A limit order far from the market rests, locks its worth, and frees it when canceled."""
    placed = await limit_buy(venue, "rest-1")
    locked = await signed(venue, "GET", "account")
    ended = await signed(venue, "DELETE", "order", symbol="BTCUSDT", origClientOrderId="rest-1")
    again = await signed(venue, "DELETE", "order", symbol="BTCUSDT", origClientOrderId="rest-1")

    assert "NEW" == placed.body["status"]
    assert ["500.00000000"] == [each["locked"] for each in locked.body["balances"] if each["asset"] == "USDT"]
    assert ("CANCELED", "rest-1") == (ended.body["status"], ended.body["origClientOrderId"])
    assert (400, -2011) == (again.status, again.body["code"])
    assert "CANCELED" == (await found(venue, "rest-1")).body["status"]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.000011"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"price": "1.00"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "1e-2"}, -1100, "Illegal characters found in parameter 'quantity'."),
        ({"quantity": "0.0100000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"type": "STOP_LOSS"}, -1116, "Invalid orderType."),
        ({"quantity": "100"}, -2010, "Account has insufficient balance for requested action."),
        (
            {"type": "LIMIT_MAKER", "timeInForce": "GTC"},
            -1106,
            "Parameter 'timeInForce' sent when not required.",
        ),
    ],
)
async def test_a_bad_order_is_refused_in_the_words_of_the_venue(
    venue: VenueServer, changes: dict[str, str], code: int, text: str
) -> None:
    """Every refusal has its code and sentence, and nothing is placed."""
    answer = await limit_buy(venue, "bad-1", **changes)

    assert (400, {"code": code, "msg": text}) == (answer.status, answer.body)
    assert [] == (await signed(venue, "GET", "openOrders")).body


async def test_who_does_not_sign_right_is_refused(venue: VenueServer) -> None:
    """No key, an unknown key, a wrong signature and a wrong time each have their own code."""
    now = venue.exchange.now_ms()
    known = {"X-MBX-APIKEY": DEFAULT_KEY}
    late, early = f"timestamp={now - 6000}", f"timestamp={now + 5000}"

    answers = [
        await raw(venue, "GET", f"account?timestamp={now}&signature=00"),
        await raw(venue, "GET", f"account?timestamp={now}&signature=00", headers={"X-MBX-APIKEY": "other"}),
        await raw(venue, "GET", f"account?timestamp={now}", headers=known),
        await raw(venue, "GET", f"account?timestamp={now}&signature=00", headers=known),
        await raw(venue, "GET", f"account?{late}&signature={signature(late)}", headers=known),
        await raw(venue, "GET", f"account?{early}&signature={signature(early)}", headers=known),
    ]

    expected = [(401, -2014), (401, -2015), (400, -1102), (400, -1022), (400, -1021), (400, -1021)]
    assert expected == [(answer.status, answer.body["code"]) for answer in answers]


async def test_parameters_may_come_in_query_and_body(venue: VenueServer) -> None:
    """What is signed is the query followed by the body, and the query's value wins."""
    query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=50000.00"
    body = f"quantity=0.01&price=1.00&timestamp={venue.exchange.now_ms()}"
    sent = f"{body}&signature={signature(query + body)}"
    headers = {"X-MBX-APIKEY": DEFAULT_KEY, "Content-Type": "application/x-www-form-urlencoded"}

    answer = await raw(venue, "POST", f"order?{query}", data=sent, headers=headers)

    assert (200, "50000.00000000") == (answer.status, answer.body["price"])


@pytest.mark.parametrize(
    ("kind", "is_placed"), [(FaultKind.LOST_BEFORE, False), (FaultKind.LOST_AFTER, True)]
)
async def test_a_lost_answer_leaves_the_order_placed_or_not(
    venue: VenueServer, kind: FaultKind, is_placed: bool
) -> None:
    """The client hears nothing; only a query tells whether the order exists, and the next call works."""
    venue.strike(Fault(kind=kind, call="order.place"))

    with pytest.raises(aiohttp.ClientError):
        await limit_buy(venue, "lost-1")

    assert (200 if is_placed else 400) == (await found(venue, "lost-1")).status
    assert 200 == (await limit_buy(venue, "next-1")).status


@pytest.mark.parametrize(
    ("kind", "is_placed"), [(FaultKind.TIMEOUT_BEFORE, False), (FaultKind.TIMEOUT_AFTER, True)]
)
async def test_a_timeout_says_nothing_of_the_order(
    venue: VenueServer, kind: FaultKind, is_placed: bool
) -> None:
    """Both answer -1007 with a status of 5xx."""
    venue.strike(Fault(kind=kind, call="order.place"))

    answer = await limit_buy(venue, "slow-1")

    assert (504, -1007) == (answer.status, answer.body["code"])
    assert (200 if is_placed else 400) == (await found(venue, "slow-1")).status


async def test_a_status_fault_is_answered_before_the_engine(venue: VenueServer) -> None:
    """A 429 carries its header, and nothing was placed."""
    venue.strike(Fault(kind=FaultKind.STATUS, call="order.place", status=429, retry_after_s=7))

    answer = await limit_buy(venue, "many-1")

    assert (429, -1003, "7") == (answer.status, answer.body["code"], answer.headers["Retry-After"])
    assert 400 == (await found(venue, "many-1")).status


async def test_a_stale_query_does_not_know_a_new_order(venue: VenueServer) -> None:
    """Asked as of a minute ago, the order does not exist; asked again, it does."""
    await limit_buy(venue, "stale-1")
    venue.strike(Fault(kind=FaultKind.STALE, call="order.status", milliseconds=60_000))

    assert -2013 == (await found(venue, "stale-1")).body["code"]
    assert "NEW" == (await found(venue, "stale-1")).body["status"]


async def test_a_wrong_clock_a_halt_and_new_filters_last_until_reset(venue: VenueServer) -> None:
    """Each refuses what was fine before, over the control interface, until all faults are cleared."""
    async with aiohttp.ClientSession() as session:
        for fault in (
            {"kind": "halt", "symbol": "ETHUSDT"},
            {"kind": "filters", "symbol": "BTCUSDT", "filters": {"tick_size": "0.10"}},
        ):
            async with session.post(f"{venue.url}/faults", json=fault) as response:
                assert 200 == response.status
        off_grid = await limit_buy(venue, "f-1", price="50000.05")
        closed = await limit_buy(venue, "f-2", symbol="ETHUSDT", price="2000.00")
        venue.strike(Fault(kind=FaultKind.CLOCK_OFFSET, milliseconds=90_000))
        served = await raw(venue, "GET", "time")
        async with session.delete(f"{venue.url}/faults") as response:
            assert [] == await response.json()

    assert "Filter failure: PRICE_FILTER" == off_grid.body["msg"]
    assert "Market is closed." == closed.body["msg"]
    assert served.body["serverTime"] > venue.exchange.now_ms() + 80_000
    assert 200 == (await limit_buy(venue, "f-3", price="50000.05")).status


@pytest.mark.parametrize(
    "fault", [{}, [], {"kind": "nope"}, {"kind": "halt", "symbol": "NOPE"}, {"kind": "status", "times": 0}]
)
async def test_a_fault_that_cannot_be_is_refused(venue: VenueServer, fault: Any) -> None:
    """The control interface says what was wrong, and no fault waits."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{venue.url}/faults", json=fault) as response,
    ):
        answer = await response.json()

    assert 400 == response.status
    assert answer["error"]
    assert [] == venue.exchange.faults.waiting


async def test_the_user_stream_tells_an_order_in_order(venue: VenueServer) -> None:
    """New, trade, then balances; a cut ends the connection."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{venue.ws_url}/ws-api/v3") as socket:
        await socket.send_json(subscription())
        assert {"subscriptionId": 0} == (await socket.receive_json(timeout=5))["result"]
        await signed(venue, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        events = [(await socket.receive_json(timeout=5))["event"] for _ in range(3)]
        venue.strike(Fault(kind=FaultKind.CUT_STREAMS, scope="user"))
        last = await socket.receive(timeout=5)

    assert [("executionReport", "NEW"), ("executionReport", "TRADE"), ("outboundAccountPosition", None)] == [
        (event["e"], event.get("x")) for event in events
    ]
    assert "FILLED" == events[1]["X"]
    assert last.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_depth_events_follow_one_another_and_one_can_be_dropped(venue: VenueServer) -> None:
    """Each first id is the last one of the event before plus one, but for the event that was dropped."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{venue.ws_url}/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 7})
        answers = [await socket.receive_json(timeout=5) for _ in range(4)]
        venue.strike(Fault(kind=FaultKind.DROP_DEPTH, symbol="BTCUSDT"))
        answers += [await socket.receive_json(timeout=5) for _ in range(3)]

    assert {"result": None, "id": 7} in answers
    events = [answer for answer in answers if "U" in answer]
    gaps = [after["U"] - before["u"] - 1 for before, after in pairwise(events)]
    assert 1 == sum(gap > 0 for gap in gaps), gaps


async def test_a_snapshot_and_its_depth_events_make_the_book_that_is_quoted(venue: VenueServer) -> None:
    """Wherever a bookTicker has the id of the book that was built, best prices and sizes are equal."""
    streams = "btcusdt@depth@100ms/btcusdt@bookTicker"
    quotes: dict[int, dict[str, str]] = {}
    compared = 0
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{venue.ws_url}/stream?streams={streams}") as socket,
    ):
        snapshot = (await raw(venue, "GET", "depth?symbol=BTCUSDT&limit=5000")).body
        sides = [{Decimal(p): Decimal(q) for p, q in snapshot[name]} for name in ("bids", "asks")]
        while compared < 3:
            data = (await socket.receive_json(timeout=5))["data"]
            if "U" not in data:
                quotes[data["u"]] = data
                continue
            if data["u"] <= snapshot["lastUpdateId"]:
                continue
            for levels, changes in zip(sides, (data["b"], data["a"]), strict=True):
                levels.update({Decimal(price): Decimal(quantity) for price, quantity in changes})
            if data["u"] in quotes:
                quote = quotes[data["u"]]
                bid = max(price for price, quantity in sides[0].items() if quantity)
                ask = min(price for price, quantity in sides[1].items() if quantity)
                assert (Decimal(quote["b"]), Decimal(quote["B"])) == (bid, sides[0][bid])
                assert (Decimal(quote["a"]), Decimal(quote["A"])) == (ask, sides[1][ask])
                compared += 1

    assert 3 == compared
