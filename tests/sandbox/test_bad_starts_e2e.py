"""Whatever is wrong with a key, an address or a venue when a command starts: one clear sentence and its status."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from tests.integration.exchange.test_binance_bad_circumstances import untrusted
from tests.sandbox.agent_process import AgentProcess, run, started
from tests.sandbox.real_venue import ARM, VARIABLES, RealVenue

Where = Callable[[Path], AbstractAsyncContextManager[str]]

FORBIDDEN = Fault(
    kind=FaultKind.REJECT, call="account.status", times=100, code=-2015, message="Invalid API-key"
)
RULES = Fault(kind=FaultKind.FILTERS, symbol="BTCUSDT", filters={"tick_size": "0.1"})
AHEAD, BEHIND = (Fault(kind=FaultKind.CLOCK_OFFSET, milliseconds=sign * 90_000) for sign in (1, -1))


def struck(*faults: Fault) -> Where:
    """Return a venue with *faults*."""

    @asynccontextmanager
    async def running(_folder: Path) -> AsyncIterator[str]:
        async with VenueServer() as venue:
            for fault in faults:
                venue.strike(fault)
            yield venue.url

    return running


@asynccontextmanager
async def down(_folder: Path) -> AsyncIterator[str]:
    """Give an address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def nameless(_folder: Path) -> AsyncIterator[str]:
    """Give an address whose name nobody knows."""
    yield "https://venue.invalid"


@asynccontextmanager
async def half_open(_folder: Path) -> AsyncIterator[str]:
    """Give an address that takes connections and never says anything."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@asynccontextmanager
async def unsafe(folder: Path) -> AsyncIterator[str]:
    """Give a venue whose certificate nobody vouches for."""
    async with untrusted(folder, []) as url:
        yield url


# Where the venue is, the variables, and the words that must come.
STARTS: dict[str, tuple[Where, dict[str, str], tuple[str, ...]]] = {
    "wrong key": (struck(), {"MEVA_TEST_KEY": "nobody"}, ("-2015", "Check the key, its secret, and its list")),
    "wrong secret": (struck(), {"MEVA_TEST_SECRET": "wrong"}, ("-1022", "Check the key, its secret")),
    "no permission": (struck(FORBIDDEN), {}, ("-2015", "Check the key, its secret, and its list")),
    "clock 90 s ahead": (struck(AHEAD), {}, ("CFG-160", "ms behind the venue's", "Fix time synchronisation")),
    "clock 90 s behind": (struck(BEHIND), {}, ("CFG-160", "ms ahead of the venue's", "Fix time synchronisation")),
    "other rules": (struck(RULES), {}, ("BTC/USDT", "tick_size is 0.01 here and 0.1 at the venue")),
    "venue down": (down, {}, ("does not answer", "Check its address and the network.")),
    "unknown name": (nameless, {}, ("does not answer", "venue.invalid", "Check its address and the network.")),
    "half-open": (half_open, {}, ("does not answer", "Check its address and the network.")),
    "no trust": (unsafe, {}, ("does not answer", "Certificate", "Check its address and the network.")),
}  # fmt: skip


def arguments(mode: str, url: str, folder: Path) -> tuple[str, ...]:
    """Return the arguments of a start in *mode*."""
    armed = ("--arm", ARM) if mode == "live" else ()
    return ("--env", "dev", "-c", RealVenue(url).settings(folder, mode), *armed)


def _ended(mode: str, url: str, folder: Path, variables: dict[str, str]) -> tuple[int, AgentProcess]:
    with started(mode, folder, *arguments(mode, url, folder), **(VARIABLES | variables)) as agent:
        return agent.end(), agent


@pytest.mark.parametrize("case", STARTS)
async def test_a_live_start_that_cannot_be_is_one_sentence_and_status_4(tmp_path: Path, case: str) -> None:
    """Nothing is stored and nothing sent; the words say what is wrong and what to do."""
    where, variables, words = STARTS[case]
    async with where(tmp_path) as url:
        status, agent = await asyncio.to_thread(_ended, "live", url, tmp_path, variables)

    assert 4 == status, agent.errors
    assert [] == [word for word in words if word not in agent.errors], agent.errors
    assert "Traceback" not in agent.errors
    assert not agent.session.exists()


@pytest.mark.parametrize("case", ["wrong key", "clock 90 s ahead", "venue down", "no trust"])
async def test_a_shadow_start_that_cannot_be_says_the_same(tmp_path: Path, case: str) -> None:
    """The key is another one, and so is what it may; the words and the status are not."""
    where, variables, words = STARTS[case]
    async with where(tmp_path) as url:
        status, agent = await asyncio.to_thread(_ended, "shadow", url, tmp_path, variables)

    assert 4 == status, agent.errors
    assert [] == [word for word in words if word not in agent.errors], agent.errors
    assert "Traceback" not in agent.errors


async def test_a_symbol_that_the_venue_does_not_list_is_named(tmp_path: Path) -> None:
    """It is configured here, and unknown there."""
    other = ("--set", "exchange.instruments.0.symbol=NO/USDT")
    async with struck()(tmp_path) as url:
        done = await asyncio.to_thread(
            run, "paper", "--market-url", url, *other, "--duration", "5s", "--no-dashboard"
        )

    assert 4 == done.returncode, done.stderr
    assert "the venue does not tell its rules of NO/USDT: binance refused: -1121" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("where", [down, nameless], ids=["refused", "unknown name"])
async def test_a_backfill_gives_up_soon_and_says_how_to_go_on(tmp_path: Path, where: Where) -> None:
    """An address at which no connection comes about is tried for as long as `--patience` says."""
    period = ("--start", "2026-01-01", "--end", "2026-01-02", "--patience", "1s", "--out", str(tmp_path))
    loop = asyncio.get_running_loop()
    async with where(tmp_path) as url:
        began_s = loop.time()
        done = await asyncio.to_thread(run, "backfill", "BTC/USDT", *period, "--url", url)
        took_s = loop.time() - began_s

    assert 1 == done.returncode, done.stderr
    assert "brought nothing usable" in done.stderr
    assert "the same command continues where it ended" in done.stderr
    assert "Traceback" not in done.stderr
    assert took_s < 20
