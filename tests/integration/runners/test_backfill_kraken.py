"""Kraken's history is fetched whole over real sockets: trades by their ids, and the newest bars."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from meva_adapters.exchange.kraken.history import KrakenHistory
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.kraken.server import KrakenServer
from meva_adapters.venue.kraken.settings import KRAKEN_SETTINGS
from meva_adapters.venue.market import PublicTrade
from meva_core.errors import VenueUnknownError
from meva_runners.backfill import main
from tests.contract.tape_files import instrument, rows_of, tape_of
from tests.integration.runners.test_backfill import MINUTE_MS, files_in, iso, table

BTC = instrument("BTC/USD", tick="0.1", lot="0.00000001")
OFTEN = ("--weight-per-minute", "6000", "--page", "60")


@pytest.fixture
async def venue() -> AsyncIterator[KrakenServer]:
    """Run a venue with fifteen hours of bars and many trades."""
    async with KrakenServer(evolve(KRAKEN_SETTINGS, trades_per_second=300)) as running:
        yield running


async def fetched(venue: KrakenServer, folder: Path, *more: str) -> Result:
    """Run the command beside the venue."""
    arguments = ["BTC/USD", "--like", "kraken", "--url", venue.url, "--out", str(folder), *OFTEN, *more]
    return await asyncio.to_thread(CliRunner().invoke, main, arguments)


async def printed(venue: KrakenServer, count: int) -> list[PublicTrade]:
    """Return the trades of bitcoin, once there are so many."""
    market = venue.exchange.markets["BTCUSD"]
    while len(market.trades) < count:  # noqa: ASYNC110 - the venue's market tells nobody of a trade.
        await asyncio.sleep(0.05)
    return list(market.trades)


def period(trades: list[PublicTrade]) -> tuple[str, ...]:
    """Return the options for the time between the twentieth and the last but twenty."""
    return ("--kind", "trades", "--start", iso(trades[20].time_ms), "--end", iso(trades[-20].time_ms))


def told(path: Path) -> list[tuple[int, Decimal, Decimal, int, bool]]:
    """Return what a file says of its trades."""
    return [
        (
            int(row["id"]),
            Decimal(row["price"]),
            Decimal(row["qty"]),
            int(row["ts_ns"]) // 10**6,
            row["is_buyer_maker"] == "true",
        )
        for row in table(path)
    ]


def expected(trades: list[PublicTrade]) -> list[tuple[int, Decimal, Decimal, int, bool]]:
    """Return what the venue says of them."""
    first_ms, end_ms = trades[20].time_ms, trades[-20].time_ms
    return [
        (trade.id, trade.price, trade.quantity, trade.time_ms, trade.is_buyer_maker)
        for trade in trades
        if first_ms <= trade.time_ms < end_ms
    ]


async def test_trades_are_whole_by_id(venue: KrakenServer, tmp_path: Path) -> None:
    """Many share the millisecond at which a page ends: none is missing or comes twice, and a tape reads them."""
    trades = await printed(venue, 400)
    done = await fetched(venue, tmp_path, *period(trades))

    assert 0 == done.exit_code, done.output
    [path] = files_in(tmp_path)
    assert len(expected(trades)) > 250
    assert expected(trades) == told(path)
    assert "none is missing" in done.stdout
    assert [row[0] for row in told(path)] == [row[4] for row in rows_of(tape_of(path, BTC).blocks())]


@pytest.mark.parametrize(
    ("fault", "least_s"),
    [
        (Fault(kind=FaultKind.LOST_BEFORE, call="Trades", times=2), 0),
        (Fault(kind=FaultKind.LOST_AFTER, call="Trades", times=2), 0),
        (Fault(kind=FaultKind.STATUS, call="Trades", times=1, status=429, retry_after_s=1), 1),
    ],
)
async def test_lost_answers_and_limits_leave_no_gap(
    venue: KrakenServer, tmp_path: Path, fault: Fault, least_s: float
) -> None:
    """Each question is asked until it is answered, and not before the limit's time is over."""
    trades = await printed(venue, 400)
    undisturbed = await fetched(venue, tmp_path / "undisturbed", *period(trades), "--json")
    venue.strike(evolve(fault))
    began_s = time.monotonic()
    done = await fetched(venue, tmp_path / "disturbed", *period(trades), "--json")
    took_s = time.monotonic() - began_s

    assert (0, 0) == (undisturbed.exit_code, done.exit_code), done.output
    [path] = files_in(tmp_path / "disturbed")
    assert expected(trades) == told(path)
    [without], [disturbed] = (json.loads(result.stdout)["files"] for result in (undisturbed, done))
    assert without["requests"] + fault.times == disturbed["requests"]
    assert disturbed["waited_s"] > 0
    # What the command waits is the rest of the limit's time: a busy machine leaves less of it, and is no sooner done.
    assert took_s >= least_s


async def test_what_was_interrupted_goes_on_where_it_ended(venue: KrakenServer, tmp_path: Path) -> None:
    """A file with half of the rows, the last one torn, becomes the whole one."""
    trades = await printed(venue, 400)
    first = await fetched(venue, tmp_path, *period(trades))
    [path] = files_in(tmp_path)
    whole = path.read_bytes()
    path.rename(path.with_name(path.name + ".part")).write_bytes(whole[: len(whole) // 2])
    second = await fetched(venue, tmp_path, *period(trades))

    assert (0, 0) == (first.exit_code, second.exit_code)
    assert [path] == files_in(tmp_path)
    assert whole == path.read_bytes()


async def test_the_newest_bars_are_the_venues_own(venue: KrakenServer, tmp_path: Path) -> None:
    """Closed ones only, each with its volume and count."""
    end_ms = venue.exchange.now_ms() // MINUTE_MS * MINUTE_MS
    start_ms = end_ms - 600 * MINUTE_MS
    done = await fetched(venue, tmp_path, "--start", iso(start_ms), "--end", iso(end_ms))

    assert 0 == done.exit_code, done.output
    [path] = files_in(tmp_path)
    bars = [
        (bar.open_ms, bar.close, bar.volume, bar.count)
        for bar in venue.exchange.markets["BTCUSD"].series["1m"].bars
        if start_ms <= bar.open_ms < end_ms
    ]
    assert 600 == len(bars)
    assert bars == [
        (int(row["open_time"]), Decimal(row["close"]), Decimal(row["volume"]), int(row["count"]))
        for row in table(path)
    ]
    assert ("BTC/USD",) == tape_of(path, BTC).symbols


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "agg_trades", "--start", "2026-01-01"), "--kind: got agg_trades"),
        (("--timeframe", "3m", "--start", "2026-01-01"), "--timeframe: got 3m"),
        (("--start", "2026-01-01"), "tells no bars but the last 720"),
    ],
)
async def test_what_kraken_does_not_tell_is_refused_at_once(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """Before anything is asked, with what to do instead; its own address needs no other word."""
    arguments = ["BTC/USD", "--url", "https://api.kraken.com", "--out", str(tmp_path), *options]
    ended = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, "--end", "2026-02-01"])

    assert 3 == ended.exit_code
    assert said in ended.stderr
    assert [] == files_in(tmp_path)


class Answers:
    """Stand for the venue: give pages of *trades* (id, time in ns), as it does, and count the questions."""

    def __init__(self, *trades: tuple[int, int], broken: Any = None) -> None:
        self.trades = trades
        self.broken = broken
        self.asked: list[int] = []

    async def ask(self, _path: str, parameters: list[tuple[str, str]], *, weight: int) -> Any:
        """Return what comes after the time that is asked for."""
        assert 1 == weight
        given = dict(parameters)
        self.asked.append(int(given["since"]))
        if self.broken is not None:
            return self.broken
        page = [each for each in self.trades if each[1] > self.asked[-1]][: int(given["count"])]
        last = page[-1][1] if page else self.asked[-1]
        rows = [
            ["1.5", "2.0", f"{ns // 10**9}.{ns % 10**9:09d}", "b", "l", "", number] for number, ns in page
        ]
        return {"XXBTZUSD": rows, "last": str(last)}


async def ids_of(answers: Answers, *, start_ms: int = 1, end_ms: int = 10_000, page: int = 3) -> list[int]:
    """Return the ids that a history reads."""
    history = KrakenHistory(
        answers,  # type: ignore[arg-type]
        "BTC/USD",
        "trades",
        start_ms=start_ms,
        end_ms=end_ms,
        page=page,
    )
    return [int(row[0]) async for rows in history.pages(None) for row in rows]


async def test_a_moment_with_as_many_trades_as_a_page_ends_nothing() -> None:
    """It is passed by; what was not told of it (trade 5) is a gap, which the look through the file names."""
    moment = 2 * 10**9
    answers = Answers(
        (1, 10**9), *((number, moment) for number in range(2, 6)), (6, moment + 7), (7, moment + 9)
    )

    assert [1, 2, 3, 4, 6, 7] == await ids_of(answers)
    assert len(answers.asked) < 8


async def test_the_end_of_what_there_is_ends_it() -> None:
    """Without a trade after the period, and without any trade at all."""
    assert [1, 2] == await ids_of(Answers((1, 10**9), (2, 2 * 10**9)))
    assert [] == await ids_of(Answers())
    assert [2] == await ids_of(
        Answers((1, 10**9), (2, 2 * 10**9), (3, 3 * 10**9)), start_ms=1_500, end_ms=3_000
    )


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"last": "5"},
        {"XXBTZUSD": [], "XETHZUSD": [], "last": "5"},
        {"XXBTZUSD": [["1.5", "2.0", "1.5", "x", "l", "", 1]], "last": "5"},
        {"XXBTZUSD": [[1.5, "2.0", "1.5", "b", "l", "", 1]], "last": "5"},
        {"XXBTZUSD": [["1.5", "2.0", "1.5", "b", "l", "", True]], "last": "5"},
        {"XXBTZUSD": [["1.5", "2.0", "1.5", "b", "l", "", 2]] * 2, "last": "5"},
        {"XXBTZUSD": [["1.5", "2.0", "1.5", "b", "l", "", 2]], "last": "soon"},
    ],
    ids=str,
)
async def test_a_page_that_is_not_what_was_promised_is_refused(broken: Any) -> None:
    """No row of it is kept."""
    with pytest.raises(VenueUnknownError, match="trades of BTC/USD"):
        await ids_of(Answers(broken=broken))
