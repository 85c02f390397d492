"""Requests leave once, numbered higher each time; what each answer proves decides the event."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from attrs import evolve

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.nonces import NonceFile
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SETTINGS
from meva_core.commands import CancelOrder, ObserveVenue, QueryOrder
from meva_core.errors import ConfigError, VenueRefusedError, VenueUnknownError
from meva_core.events import (
    CancelRefused,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderOutcomeUnknown,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from tests.integration.exchange.binance_case import CLOCK, is_ours, server
from tests.integration.exchange.kraken_case import ROOMY, adapter, calls_of, order, pairs

DAY_NS = 86_400 * 10**9


def error(text: str) -> str:
    """Return an answer with HTTP 200 that refuses."""
    return f'{{"error":["{text}"],"result":{{}}}}'


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"error":[],"result":{"txid":["O1"]}}', OrderAcknowledged),
        (200, '{"error":["WGeneral:Slow"],"result":{"txid":["O1"]}}', OrderAcknowledged),
        (200, "{", OrderOutcomeUnknown),
        (200, "[]", OrderOutcomeUnknown),
        (200, '{"error":[]}', OrderOutcomeUnknown),
        (200, '{"error":[],"result":{"txid":[]}}', OrderOutcomeUnknown),
        (200, '{"error":[],"result":{"txid":["O1","O2"]}}', OrderOutcomeUnknown),
        (200, '{"error":[],"result":{"txid":["O1"],"cl_ord_id":"another"}}', OrderOutcomeUnknown),
        (200, '{"error":"EOrder:Insufficient funds"}', OrderOutcomeUnknown),
        (200, error("EService:Timeout"), OrderOutcomeUnknown),
        (200, error("EService:Busy"), OrderOutcomeUnknown),
        (200, error("EService:Unavailable"), OrderOutcomeUnknown),
        (200, error("EGeneral:Internal error"), OrderOutcomeUnknown),
        (200, error("ENew:Kind of error"), OrderOutcomeUnknown),
        (200, error("EOrder:Duplicate order"), OrderOutcomeUnknown),
        (200, '{"error":["EOrder:Insufficient funds","EService:Timeout"]}', OrderOutcomeUnknown),
        (200, error("EOrder:Insufficient funds"), OrderRejected),
        (200, error("EService:Deadline elapsed"), OrderRejected),
        (200, error("EAPI:Rate limit exceeded"), OrderRejected),
        (200, error("EService: Throttled: 1"), OrderRejected),
        (302, "", OrderOutcomeUnknown),
        (400, "<html>", OrderOutcomeUnknown),
        (403, "", OrderRejected),
        (418, "", OrderRejected),
        (429, "", OrderRejected),
        (520, error("EOrder:Insufficient funds"), OrderOutcomeUnknown),
    ],
)
async def test_what_an_answer_proves(status: int, body: str, expected: type) -> None:
    """Only a refusal that the documentation names proves that nothing was placed, whatever the HTTP status says."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    async with server(handle) as url, adapter(url) as exchange:
        [event] = await exchange.place(order("ours1"))

    assert expected is type(event)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"error":[],"result":{"count":1}}', OrderCanceled),
        ('{"error":[],"result":{"count":0}}', CancelRefused),
        ('{"error":[],"result":{"count":1,"pending":true}}', RequestFailed),
        ('{"error":[],"result":{"count":"1"}}', RequestFailed),
        (error("EOrder:Unknown order"), CancelRefused),
        (error("EService:Timeout"), RequestFailed),
    ],
)
async def test_what_the_answer_to_a_cancel_proves(body: str, expected: type) -> None:
    """A cancel that is pending, or whose answer is damaged, says nothing."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=body)

    async with server(handle) as url, adapter(url) as exchange:
        [event] = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))

    assert expected is type(event)


async def test_nonces_rise_across_a_restart_with_the_clock_set_back(tmp_path: Path) -> None:
    """A day earlier by our clock, the next process goes on above what the venue has seen."""
    clock = ManualClock(CLOCK.now_ns())
    placed: list[Any] = []
    async with KrakenServer(ROOMY) as venue:
        for name, back_ns in (("ours1", 0), ("ours2", DAY_NS)):
            clock.step(CLOCK.now_ns() - back_ns)
            with NonceFile(tmp_path / "nonces", clock) as nonces:
                async with adapter(venue.url, nonces=nonces) as exchange:
                    placed += await exchange.place(order(name))

    assert [OrderAcknowledged] * 2 == [type(event) for event in placed]


async def test_a_lost_file_of_nonces_is_a_refusal_that_says_what_to_do() -> None:
    """The venue has seen higher nonces of this key: rejected with proof, and the remedy is a key of its own."""

    class Low:
        def next(self) -> int:
            return 7

    async with KrakenServer(ROOMY) as venue:
        async with adapter(venue.url) as exchange:
            await exchange.place(order("ours1"))
        async with adapter(venue.url, nonces=Low()) as late:
            [refused] = await late.place(order("ours2"))

    assert isinstance(refused, OrderRejected)
    assert ("EAPI:Invalid nonce", True) == (refused.code, "an API key of its own" in refused.reason)


def test_a_killed_process_leaves_a_file_above_every_nonce_that_it_gave(tmp_path: Path) -> None:
    """SIGKILL after a thousand nonces: the next one is higher, though the clock says 1970."""
    path = tmp_path / "nonces"
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from meva_adapters.clock.system import SystemClock\n"
        "from meva_adapters.exchange.kraken.nonces import NonceFile\n"
        "nonces = NonceFile(Path(sys.argv[1]), SystemClock())\n"
        "given = [nonces.next() for _ in range(1000)]; assert given == sorted(set(given))\n"
        "print(given[-1], flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, timeout=30, check=False
    )

    with NonceFile(path, ManualClock(0)) as nonces:
        assert int(ended.stdout) < nonces.next() < 1 << 64


def test_a_file_of_nonces_that_cannot_be_trusted_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """In use, damaged, or not to be opened: one clear error each."""
    path = tmp_path / "nonces"
    with NonceFile(path, CLOCK) as nonces:
        nonces.next()
        with pytest.raises(ConfigError, match="in use by another program"):
            NonceFile(path, CLOCK)
    assert 0o600 == path.stat().st_mode & 0o777
    path.write_text("nonsense")
    with pytest.raises(ConfigError, match=r"damaged\. Make a new API key"):
        NonceFile(path, CLOCK)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be opened"):
        NonceFile(path, CLOCK)


async def test_private_calls_arrive_in_the_order_of_their_nonces() -> None:
    """Twenty calls at once, the first ones slow: one is under way at a time, so none overtakes another."""
    nonces: list[int] = []
    under_way: list[int] = []

    async def handle(request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        nonces.append(int(form["nonce"][0]))
        assert not under_way, "another call came meanwhile"
        under_way.append(nonces[-1])
        await asyncio.sleep(0.01 if len(nonces) < 5 else 0)
        under_way.clear()
        return web.Response(text='{"error":[],"result":{"count":1}}')

    async with server(handle) as url, adapter(url) as exchange:
        cancels = [exchange.cancel(CancelOrder("BTC/USD", f"ours{n}", "test")) for n in range(20)]
        ended = [event for events in await asyncio.gather(*cancels) for event in events]

    assert [OrderCanceled] * 20 == [type(event) for event in ended]
    assert 20 == len(nonces)
    assert sorted(set(nonces)) == nonces


async def test_questions_are_held_back_by_the_counter_and_cancels_are_not() -> None:
    """With the counter full, a comparison leaves nothing at the venue; an order may still be cancelled."""
    budget = DecayingBudget(limit=6, reserve=3, decay_milli=1)
    async with KrakenServer(ROOMY) as venue, adapter(venue.url, budget=budget) as exchange:
        await exchange.place(order("ours1"))
        budget.fill(CLOCK.now_ns())
        [failed] = await exchange.observe(ObserveVenue("test"))
        [canceled] = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))

    assert isinstance(failed, RequestFailed)
    assert "held back" in failed.problem
    assert isinstance(canceled, OrderCanceled)


@pytest.mark.parametrize(
    "answer", ["EService:Throttled: {later}", "EService: Throttled: {later}", "EGeneral:Temporary lockout"]
)
async def test_nothing_leaves_while_the_venue_wants_silence(answer: str) -> None:
    """After a throttle with a time, or a lockout, orders are dropped and questions fail without a request (I27)."""
    requests = 0

    async def handle(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        return web.Response(text=error(answer.format(later=CLOCK.now_ns() // 10**9 + 60)))

    async with server(handle) as url, adapter(url) as exchange:
        await exchange.place(order("ours1"))
        [dropped] = await exchange.place(order("ours2"))
        [failed] = await exchange.observe(ObserveVenue("test"))

    assert 1 == requests
    assert (OrderDropped, RequestFailed) == (type(dropped), type(failed))


async def test_young_orders_are_dear_to_cancel_and_new_ones_wait() -> None:
    """Six orders cancelled at once use up the counter of their pair; orders on another pair still leave."""
    async with KrakenServer(ROOMY) as venue, HttpTransport() as transport:
        exchange = KrakenExchange(calls_of(transport, venue.url), pairs=pairs(), owns=is_ours)
        for number in range(6):
            await exchange.place(order(f"ours{number}"))
            dear = exchange.costs.cancel_cost(f"ours{number}", CLOCK.monotonic_ns())
            await exchange.cancel(CancelOrder("BTC/USD", f"ours{number}", "test"))
        [held] = await exchange.place(order("ours6"))
        [other] = await exchange.place(order("ours7", symbol="ETH/USD", price="2000.00"))

    assert 8 == dear
    assert isinstance(held, OrderDropped)
    assert "counter" in held.reason
    assert isinstance(other, OrderAcknowledged)


async def test_a_silent_venue_leaves_the_outcome_unknown_and_no_method_is_repeated() -> None:
    """A half-open connection and one that is cut: each request was seen once."""
    seen: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request.path)
        if request.path.endswith("AddOrder"):
            await asyncio.sleep(0.5)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with server(handle) as url, adapter(url, timeout_s=0.2) as exchange:
        [placed] = await exchange.place(order("ours1"))
        [canceled] = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))

    assert ["/0/private/AddOrder", "/0/private/CancelOrder"] == seen
    assert (OrderOutcomeUnknown, RequestFailed) == (type(placed), type(canceled))


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1:{port}", "http://[::1", "http://no-such-host.invalid"]
)
async def test_no_connection_is_proof_that_nothing_left(address: str) -> None:
    """TLS that fails, an address that is none, a name that nobody knows: dropped, and never a traceback."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response()

    async with server(handle) as url, adapter(address.format(port=url.rpartition(":")[2])) as exchange:
        [event] = await exchange.place(order("ours1"))

    assert isinstance(event, OrderDropped)


async def test_rules_clock_and_rights_are_the_venues_own() -> None:
    """Grids equal the listed ones in the order asked; the clocks are equal; the key may trade and not withdraw."""
    async with KrakenServer(ROOMY) as venue, HttpTransport() as transport:
        calls = calls_of(transport, venue.url)
        reference = KrakenReference(calls)
        rules = await reference.instruments(["DOGE/USD", "BTC/USD"])
        clock = await reference.measure_clock()
        facts = await reference.account_facts()
        status = await reference.status()
        orders = await calls.private("OpenOrders", [])

    bitcoin, _, doge = (listed.instrument for listed in KRAKEN_MARKETS)
    assert [
        (i.symbol, i.base, i.tick_size, i.lot_size, i.min_quantity, i.min_notional) for i in (doge, bitcoin)
    ] == [(i.symbol, i.base, i.tick_size, i.lot_size, i.min_quantity, i.min_notional) for i in rules]
    assert 0 == clock.offset_ns
    assert (True, False, "online") == (facts.can_trade, facts.can_withdraw, status)
    assert {"open": {}} == orders


async def test_the_rights_of_a_key_are_seen_by_what_is_refused_to_it() -> None:
    """A key that may withdraw and one that may not trade are told apart; neither places an order."""
    account = KRAKEN_SETTINGS.accounts[0]
    settings = evolve(ROOMY, accounts=(evolve(account, can_trade=False, can_withdraw=True),))
    async with KrakenServer(settings) as venue, HttpTransport() as transport:
        facts = await KrakenReference(calls_of(transport, venue.url)).account_facts()

    assert (False, True) == (facts.can_trade, facts.can_withdraw)


async def test_an_unknown_symbol_is_refused_and_a_dead_venue_unknown() -> None:
    """Neither is a traceback of the network; the refusal says where to look."""
    async with HttpTransport() as transport:
        async with KrakenServer(ROOMY) as venue:
            reference = KrakenReference(calls_of(transport, venue.url))
            with pytest.raises(VenueRefusedError, match=r"Unknown asset pair .*exchange\.instruments"):
                await reference.instruments(["BTC/USD", "NO/SUCH"])
        for question in (reference.measure_clock, reference.account_facts, reference.status):
            with pytest.raises(VenueUnknownError, match="outcome unknown"):
                await question()


async def test_where_an_account_stands_is_read_before_anything_runs() -> None:
    """Balances are free and locked together; the newest trade of each symbol is named, though others came after it."""
    async with KrakenServer(ROOMY) as venue, adapter(venue.url) as exchange, HttpTransport() as transport:
        await exchange.place(order("ours1", price=None))
        for number in range(60):
            await exchange.place(order(f"later{number}", symbol="ETH/USD", price=None))
        await exchange.place(order("ours2"))
        [state] = await exchange.observe(ObserveVenue("test"))
        opening = await KrakenReference(calls_of(transport, venue.url)).opening(
            ["BTC/USD", "ETH/USD", "DOGE/USD"]
        )

    assert isinstance(state, VenueStateObserved)
    newest = {fill.symbol: fill.trade_id for fill in state.fills}
    assert newest == opening.trades
    assert {"BTC/USD", "ETH/USD"} == set(newest)
    assert {asset: free + locked for asset, free, locked in state.balances} == opening.balances


async def test_at_the_limit_a_comparison_comes_to_its_end_sooner_or_later() -> None:
    """With room for a part of it alone, no part leaves: nobody is kept from an answer by tries of his own."""
    refused, whole = [], 0
    async with KrakenServer(ROOMY) as venue, HttpTransport() as transport:
        budget = DecayingBudget(limit=7, reserve=3, decay_milli=4_000)
        exchange = KrakenExchange(calls_of(transport, venue.url, budget=budget), pairs=pairs(), owns=is_ours)
        async with asyncio.timeout(10):
            while whole < 3:
                search = exchange.query(QueryOrder("BTC/USD", "o", ""))
                for question in (exchange.observe(ObserveVenue("test")), search):
                    [told] = await question
                    whole += isinstance(told, VenueStateObserved)
                    if isinstance(told, RequestFailed):
                        refused.append(told.problem)
                await asyncio.sleep(0.05)

    assert refused
    assert all("the budget has no room" in problem for problem in refused)
