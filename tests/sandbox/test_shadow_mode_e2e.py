"""The shadow from end to end: it reads a real account and market, decides everything, and nothing leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.signer import AccountReadSigner, HmacSigner
from meva_adapters.transport.http import HttpTransport, NotSentError
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET
from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.events import OrderDropped, RequestFailed
from meva_runners.venues.binance import BinanceVenue
from meva_runners.venues.venue import Account, Right
from tests.integration.exchange.binance_case import order
from tests.replay.case import config
from tests.sandbox.agent_process import EAGER, run, started
from tests.sandbox.real_venue import VARIABLES, real_venue


def test_the_shadow_decides_reports_and_sends_nothing(tmp_path: Path) -> None:
    """It tells what it would have sent and what the market then did; at the venue nothing has happened."""
    with real_venue("--balance", "USDT=100000") as venue:
        settings = venue.settings(tmp_path, "shadow")
        arguments = ("--env", "dev", "-c", settings, *EAGER, "--duration", "5s", "--json")
        with started("shadow", tmp_path, *arguments, **VARIABLES) as agent:
            status = agent.end()
            result = agent.result()
        there = [
            asyncio.run(venue.ask("/api/v3/allOrders", symbol=symbol)) for symbol in ("BTCUSDT", "ETHUSDT")
        ]
        balances = asyncio.run(venue.ask("/api/v3/account", omitZeroBalances="true"))["balances"]

    assert 0 == status, agent.errors
    assert result["fills"] >= 1
    assert result["orders"] == len(result["would_have_sent"])
    assert any(row["market_after_bps"] for row in result["would_have_sent"])
    assert {} == result["account_changes"]
    assert [[], []] == there
    assert [("USDT", "100000.00000000")] == [(row["asset"], row["free"]) for row in balances]
    assert result["decision_hash"] in agent.verified()


def test_settings_for_another_mode_start_no_shadow() -> None:
    """The mode must be written down."""
    done = run("shadow", "--env", "dev")

    assert 3 == done.returncode
    assert "CFG-144 mode: found replay; expected shadow" in done.stderr


def test_paper_follows_a_real_market_without_a_key(tmp_path: Path) -> None:
    """On a venue's public market data orders fill in the process; the venue hears no signed request at all."""
    with real_venue("--balance", "USDT=100000") as venue:
        with started(
            "paper", tmp_path, *EAGER, "--market-url", venue.url, "--duration", "4s", "--json"
        ) as agent:
            status = agent.end()
            result = agent.result()
        there = asyncio.run(venue.ask("/api/v3/allOrders", symbol="BTCUSDT"))

    assert 0 == status, agent.errors
    assert result["fills"] >= 1
    assert [] == there
    assert result["decision_hash"] in agent.verified()


@pytest.mark.parametrize(
    "payload",
    [
        "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp=1",
        "symbol=BTCUSDT&origClientOrderId=x&timestamp=1",
        "symbol=BTCUSDT&timestamp=1",
        "timestamp=1&side=SELL",
        "timestamp=1&SYMBOL=BTCUSDT",
        "symbol",
        "",
    ],
)
def test_the_reading_signer_signs_nothing_that_names_a_market(payload: str) -> None:
    """Orders, cancels and cancels of everything each name a market; none of them gets a signature."""
    signer = AccountReadSigner(HmacSigner(DEFAULT_SECRET))

    with pytest.raises(NotSentError, match="reads the account and nothing else"):
        signer.sign(payload.encode())


def test_the_reading_signer_reads_the_account() -> None:
    """What it signs, it signs as the key does."""
    payload = b"omitZeroBalances=true&recvWindow=5000&timestamp=1"

    assert HmacSigner(DEFAULT_SECRET).sign(payload) == AccountReadSigner(HmacSigner(DEFAULT_SECRET)).sign(
        payload
    )


@pytest.mark.parametrize("right", [Right.READ, Right.NOTHING])
async def test_an_order_that_tries_to_leave_all_the_same_is_dropped_unsent(right: Right) -> None:
    """Even the real adapter, given what shadow and paper are composed of, cannot place or cancel anything."""
    with real_venue() as venue:
        async with HttpTransport() as transport:
            account = Account(
                rest_url=venue.url, stream_url="", api_key=DEFAULT_KEY, api_secret=DEFAULT_SECRET
            )
            connected = BinanceVenue().connect(
                config(), account, right, transport=transport, clock=SystemClock()
            )
            with connected as connection:
                exchange = connection.canceller()
                placed = await exchange.place(order("ours-1"))
                cancelled = await exchange.cancel(CancelOrder("BTC/USDT", "ours-1", "test"))
                all_cancelled = await exchange.cancel_all(CancelAllOrders("BTC/USDT", "test"))
        there = await venue.ask("/api/v3/allOrders", symbol="BTCUSDT")

    assert [OrderDropped] == [type(event) for event in placed]
    assert [RequestFailed] * 2 == [type(event) for event in (*cancelled, *all_cancelled)]
    assert [] == there
