"""Kraken is composed like any venue: looked at by the doctor, reached with as much right as was given, and no more."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.kraken.nonces import NonceFile
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SECRET, KRAKEN_SETTINGS
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.config.schema import AppConfig, ExchangeConfig, InstrumentConfig
from meva_core.errors import ConfigError
from meva_core.events import OrderAcknowledged, OrderCanceled, OrderDropped, RequestFailed
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.model.secret import Secret
from meva_runners.checkup.dead_man import switch_findings, switch_state
from meva_runners.checkup.finding import Verdict
from meva_runners.checkup.venue import CHECKS, venue_findings
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.outside_exchange import outside_exchange
from meva_runners.trading.paper_app import market_place
from meva_runners.venues.kraken import KrakenVenue
from meva_runners.venues.registry import name_at
from meva_runners.venues.venue import Account, Connection, Right
from tests.integration.exchange.kraken_case import WRONG_SECRET, order

KEYS = (Secret(DEFAULT_KEY), Secret(KRAKEN_SECRET))
MARKETS = tuple(
    InstrumentConfig(
        symbol=rules.symbol,
        tick_size=rules.tick_size,
        lot_size=rules.lot_size,
        min_quantity=rules.min_quantity,
        min_notional=rules.min_notional,
    )
    for rules in (listed.instrument for listed in KRAKEN_MARKETS)
)


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a state folder of its own, and the venue's key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("KRAKEN_TEST_KEY", DEFAULT_KEY)
    monkeypatch.setenv("KRAKEN_TEST_SECRET", KRAKEN_SECRET)


def settings(url: str, **exchange: Any) -> AppConfig:
    """Return the settings of an account at the Kraken at *url*."""
    fields = {"venue": "kraken", "rest_url": url, "instruments": MARKETS, "tier": "pro"}
    keys = {"api_key": "env:KRAKEN_TEST_KEY", "api_secret": "env:KRAKEN_TEST_SECRET"}
    return AppConfig(reporting_currency="USD", exchange=ExchangeConfig(**(fields | keys | exchange)))


def connected(
    config: AppConfig, right: Right, transport: HttpTransport, **more: Any
) -> AbstractContextManager[Connection]:
    """Return a connection with *right*."""
    url = config.exchange.rest_url
    account = Account(rest_url=url, stream_url="", api_key=DEFAULT_KEY, api_secret=KRAKEN_SECRET)
    return KrakenVenue().connect(config, account, right, transport=transport, clock=SystemClock(), **more)


async def test_the_doctor_finds_a_fit_venue_green() -> None:
    """Reachable, clock, rules and key are each looked at; the key trades and cannot withdraw."""
    async with KrakenServer() as venue:
        findings = await venue_findings(settings(venue.url), KEYS)

    assert [(check, Verdict.GREEN) for check in CHECKS] == [(item.check, item.verdict) for item in findings]
    assert "may trade and cannot withdraw" in findings[-1].said


@pytest.mark.parametrize(
    ("fields", "state", "told"),
    [
        ({}, "dead-man switch off", "off: orders rest at the venue when the agent falls silent"),
        ({"dead_man_s": 60}, "dead-man switch after 60 s", "on, 60 s after the agent's last word"),
    ],
)
def test_the_dead_man_switch_is_off_unless_it_is_asked_for_and_its_price_is_told(
    fields: dict[str, Any], state: str, told: str
) -> None:
    """On or off, a person reads that it takes every order of the account; a venue without one says so."""
    config = settings("http://127.0.0.1:1", **fields)
    [finding] = switch_findings(config)
    other = evolve(config, exchange=evolve(config.exchange, venue="binance"))

    assert state == switch_state(config)
    assert finding.said.startswith(told)
    assert finding.said.endswith(
        "it takes every order of the account, so the account must be the agent's alone"
    )
    assert ("no dead-man switch", ()) == (switch_state(other), switch_findings(other))


@pytest.mark.parametrize(
    ("rights", "told"),
    [({"can_withdraw": True}, "may withdraw"), ({"can_trade": False}, "may read and cannot withdraw")],
)
async def test_the_doctor_sees_what_the_key_may_do(rights: dict[str, bool], told: str) -> None:
    """Kraken tells no rights; what it denies to the key shows them. A replay's key need not trade."""
    async with KrakenServer() as venue:
        [account] = venue.exchange.accounts.values()
        account.settings = evolve(account.settings, **rights)
        findings = await venue_findings(settings(venue.url), KEYS)

    assert told in findings[-1].said
    assert ("can_withdraw" in rights) == (findings[-1].verdict is Verdict.RED)


async def test_the_doctor_does_not_disturb_an_agent_that_has_the_key(tmp_path: Path) -> None:
    """The file of nonces is in use: the key is not tried, and everything public is looked at all the same."""
    async with KrakenServer() as venue, HttpTransport() as transport:
        config = settings(venue.url)
        with connected(config, Right.TRADE, transport, keep=tmp_path / "state/meva/nonces"):
            findings = await venue_findings(config, KEYS)

    told = {item.check: item.verdict for item in findings if item.verdict is not Verdict.SKIPPED}
    assert {
        "key": Verdict.RED,
        "venue": Verdict.GREEN,
        "clock": Verdict.GREEN,
        "market rules": Verdict.GREEN,
    } == told
    assert "in use by another program" in findings[0].said


async def test_a_wrong_secret_is_red() -> None:
    """The venue's refusal is told."""
    async with KrakenServer() as venue:
        findings = await venue_findings(settings(venue.url), (KEYS[0], Secret(WRONG_SECRET)))

    assert Verdict.RED is findings[-1].verdict
    assert "Invalid signature" in findings[-1].said


@pytest.mark.parametrize("right", [Right.READ, Right.NOTHING])
async def test_an_order_without_the_right_is_dropped_unsent(right: Right) -> None:
    """Even the real adapter, given what shadow and paper are composed of, cannot place or cancel anything."""
    async with KrakenServer() as venue, HttpTransport() as transport:
        with connected(settings(venue.url), right, transport) as connection:
            exchange = connection.canceller()
            placed = await exchange.place(order("ours1"))
            cancelled = await exchange.cancel(CancelOrder("BTC/USD", "ours1", "test"))
            all_cancelled = await exchange.cancel_all(CancelAllOrders(None, "test"))
            held = await connection.account.balances() if right is Right.READ else {}
        [account] = venue.exchange.accounts.values()

    assert [OrderDropped] == [type(event) for event in placed]
    assert [RequestFailed] * 2 == [type(event) for event in (*cancelled, *all_cancelled)]
    assert [] == account.orders(None, as_of_ms=1 << 62)
    assert (right is Right.READ) == ("USD" in held)


async def test_a_kill_from_outside_overtakes_the_nonces_of_an_agent_that_hangs(tmp_path: Path) -> None:
    """The agent holds the file of nonces and has written ahead; another process cancels all the same."""
    async with (
        KrakenServer(evolve(KRAKEN_SETTINGS, weight_limit=1_000)) as venue,
        HttpTransport() as transport,
    ):
        config = settings(venue.url)
        name = ClientOrderIds(config.agent, config.account).owner_tag("s", "BTC/USD") + "00000001"
        with connected(config, Right.TRADE, transport, keep=tmp_path / "state/meva/nonces") as agent:
            placed = await agent.canceller().place(order(name))
            async with outside_exchange(config) as exchange:
                first = await exchange.cancel_all(CancelAllOrders(None, "kill"))
                second = await exchange.cancel_all(CancelAllOrders(None, "kill"))

    assert [OrderAcknowledged] == [type(event) for event in placed]
    assert [OrderCanceled] == [type(event) for event in first]
    assert [] == list(second)


def test_who_counts_beside_another_begins_above_all_that_it_may_use(tmp_path: Path) -> None:
    """Whatever the holder does within its reserve, the other's numbers are higher, also on the disk."""
    path, clock = tmp_path / "nonces", SystemClock()
    with NonceFile(path, clock) as holder:
        holder.next()
        with NonceFile(path, clock, beside=True) as beside:
            above = beside.next()
        assert above > holder.next() + 50 * 10**9
    with NonceFile(path, clock) as later:
        assert later.next() > above


async def test_a_switch_that_would_use_up_the_questions_is_refused() -> None:
    """Three calls within ten seconds are most of what the lowest tier may ask; 0 switches it off."""
    async with HttpTransport() as transport:
        config = settings("http://127.0.0.1:1", tier="starter", dead_man_s=10)
        with pytest.raises(
            ConfigError, match=r"CFG-106 exchange\.dead_man_s: found 10; expected 0, or at least 19"
        ):
            connected(config, Right.TRADE, transport).__enter__()
        with connected(settings("http://127.0.0.1:1", tier="starter", dead_man_s=0), Right.TRADE, transport):
            pass


@pytest.mark.parametrize(
    ("url", "name", "streams"),
    [
        ("https://api.kraken.com", "kraken", "wss://ws.kraken.com/v2"),
        ("https://api.binance.com", "binance", "wss://stream.binance.com:9443"),
    ],
)
def test_a_venue_is_known_by_its_own_address(url: str, name: str, streams: str) -> None:
    """Its streams are found without being named."""
    assert name == name_at(url)
    assert streams == market_place(TradingOptions(market_url=url), name).stream_url


def test_elsewhere_streams_are_at_the_same_host() -> None:
    """A venue on this machine serves everything on one port."""
    place = market_place(TradingOptions(market_url="http://127.0.0.1:8080"), "kraken")

    assert "" == name_at("http://127.0.0.1:8080")
    assert "ws://127.0.0.1:8080/v2" == place.stream_url
