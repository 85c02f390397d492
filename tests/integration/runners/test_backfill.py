"""History is fetched whole over real sockets: through faults, Ctrl-C and kills, no row missing and none twice."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.market import Market
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import VenueSettings
from meva_runners.backfill import main
from tests.contract.tape_files import instrument, rows_of, tape_of
from tests.integration.exchange.binance_case import server

MINUTE_MS = 60_000
BTC, ETH = instrument("BTC/USDT"), instrument("ETH/USDT", lot="0.0001")


@pytest.fixture
async def venue() -> AsyncIterator[VenueServer]:
    """Run a venue with fifteen hours of bars and many trades."""
    async with VenueServer(VenueSettings(trades_per_second=300)) as running:
        yield running


def iso(time_ms: int) -> str:
    """Return an option's time."""
    seconds, ms = divmod(time_ms, 1000)
    return f"{seconds}.{ms:03d}"


def command(
    url: str, folder: Path, *symbols: str, start_ms: int, end_ms: int, more: tuple[str, ...] = ()
) -> list[str]:
    """Return the arguments of a backfill."""
    period = ("--start", iso(start_ms), "--end", iso(end_ms))
    return [*symbols, *period, "--out", str(folder), "--url", url, "--page", "70", *more]


async def fetched(
    url: str, folder: Path, *symbols: str, start_ms: int, end_ms: int, more: tuple[str, ...] = ()
) -> Result:
    """Run the command beside the venue."""
    arguments = command(url, folder, *symbols, start_ms=start_ms, end_ms=end_ms, more=more)
    return await asyncio.to_thread(CliRunner().invoke, main, arguments)


def files_in(folder: Path) -> list[Path]:
    """Return what is in *folder*, by name."""
    return sorted(folder.iterdir())


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def minutes(market: Market, start_ms: int, end_ms: int) -> list[tuple[int, Decimal, Decimal, int]]:
    """Return the venue's own bars."""
    return [
        (bar.open_ms, bar.close, bar.volume, bar.count)
        for bar in market.series["1m"].bars
        if start_ms <= bar.open_ms and bar.close_ms < end_ms
    ]


def hours(venue: VenueServer, count: int) -> tuple[int, int]:
    """Return a period of whole minutes that is over."""
    end_ms = venue.exchange.now_ms() // MINUTE_MS * MINUTE_MS
    return end_ms - count * 60 * MINUTE_MS, end_ms


def told_bars(rows: list[dict[str, str]]) -> list[tuple[int, Decimal, Decimal, int]]:
    """Return what a file says of its bars."""
    return [
        (int(row["open_time"]), Decimal(row["close"]), Decimal(row["volume"]), int(row["count"]))
        for row in rows
    ]


async def test_bars_of_two_symbols_are_whole(venue: VenueServer, tmp_path: Path) -> None:
    """Nine pages each, equal to the venue's own bars, and read by a tape that needs to be told nothing."""
    start_ms, end_ms = hours(venue, 10)

    done = await fetched(venue.url, tmp_path, "BTC/USDT", "ETH/USDT", start_ms=start_ms, end_ms=end_ms)

    assert 0 == done.exit_code, done.output
    paths = files_in(tmp_path)
    assert 2 == len(paths)
    for path, name, symbol in zip(paths, ("BTCUSDT", "ETHUSDT"), ("BTC/USDT", "ETH/USDT"), strict=True):
        expected = minutes(venue.exchange.markets[name], start_ms, end_ms)
        assert 600 == len(expected)
        assert expected == told_bars(table(path))
        assert f"{symbol}: 600 1m bars, none is missing: {path}" in done.stdout
        tape = tape_of(path, BTC, ETH)
        assert (symbol,) == tape.symbols
        assert [row[0] for row in expected] == [row[0] // 10**6 for row in rows_of(tape.blocks())]


@pytest.mark.parametrize("kind", ["agg_trades", "trades"])
async def test_trades_are_whole_by_id(venue: VenueServer, tmp_path: Path, kind: str) -> None:
    """Many trades share a millisecond, also where pages meet: none is missing or comes twice."""
    market = venue.exchange.markets["BTCUSDT"]
    while len(market.trades) < 250:  # noqa: ASYNC110 - the venue's market tells nobody of a trade.
        await asyncio.sleep(0.05)
    trades = list(market.trades)
    start_ms, end_ms = trades[20].time_ms, trades[-20].time_ms

    done = await fetched(
        venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms, more=("--kind", kind)
    )

    assert 0 == done.exit_code, done.output
    [path] = files_in(tmp_path)
    expected = [
        (trade.id, trade.price, trade.quantity, trade.is_buyer_maker)
        for trade in trades
        if start_ms <= trade.time_ms < end_ms
    ]
    key = "agg_trade_id" if kind == "agg_trades" else "id"
    assert len(expected) > 140
    assert expected == [
        (int(row[key]), Decimal(row["price"]), Decimal(row["qty"]), row["is_buyer_maker"] == "true")
        for row in table(path)
    ]
    assert [row[0] for row in expected] == [row[4] for row in rows_of(tape_of(path, BTC).blocks())]


async def test_parquet_holds_the_same_rows(venue: VenueServer, tmp_path: Path) -> None:
    """The same period in both forms gives the same blocks, and nothing else is left in the folder."""
    start_ms, end_ms = hours(venue, 3)

    for form in ("csv", "parquet"):
        done = await fetched(
            venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms, more=("--format", form)
        )
        assert 0 == done.exit_code, done.output

    paths = files_in(tmp_path)
    assert [".csv", ".parquet"] == [path.suffix for path in paths]
    one, other = (rows_of(tape_of(path, BTC).blocks()) for path in paths)
    assert 180 == len(one)
    assert one == other


async def test_faults_of_every_kind_leave_no_trace(venue: VenueServer, tmp_path: Path) -> None:
    """Lost answers, errors and limits are waited for and asked again; the answer tells how long that took."""
    start_ms, end_ms = hours(venue, 6)
    silent = (FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER, FaultKind.TIMEOUT_AFTER)
    faults = [Fault(kind=kind, call="klines") for kind in silent]
    faults.append(Fault(kind=FaultKind.STATUS, call="klines", status=503))
    faults.append(Fault(kind=FaultKind.STATUS, call="klines", status=429, retry_after_s=1))
    striking = asyncio.create_task(struck_in_turn(venue, faults))

    done = await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms, more=("--json",))

    assert 0 == done.exit_code, done.output
    await asyncio.wait_for(striking, 5)
    [facts] = json.loads(done.stdout)["files"]
    assert (360, 0, []) == (facts["rows"], facts["missing"], facts["gaps"])
    assert 6 + len(faults) == facts["requests"]
    assert facts["waited_s"] >= 1
    assert minutes(venue.exchange.markets["BTCUSDT"], start_ms, end_ms) == told_bars(
        table(Path(facts["path"]))
    )


async def struck_in_turn(venue: VenueServer, faults: list[Fault]) -> None:
    """Order each fault after the one before has struck."""
    for fault in faults:
        venue.strike(fault)
        while venue.exchange.faults.waiting:  # noqa: ASYNC110 - the venue tells nobody when it strikes.
            await asyncio.sleep(0.01)


def started(arguments: list[str]) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "meva_runners.backfill", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
async def test_what_was_interrupted_is_continued(
    venue: VenueServer, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    """Stopped amid its pages and torn in its last row, the same command goes on to the same file."""
    start_ms, end_ms = hours(venue, 12)
    venue.strike(Fault(kind=FaultKind.DELAY_BEFORE, call="klines", times=100, milliseconds=150))
    arguments = command(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms)
    process = started(arguments)
    part = await grown(tmp_path)
    # However late the signal arrives, the command waits for a page that does not come.
    venue.strike(Fault(kind=FaultKind.DELAY_BEFORE, call="klines", times=100, milliseconds=60_000))
    os.kill(process.pid, number)
    _, err = await asyncio.to_thread(process.communicate)
    size = len(table(part))
    tear(part)
    venue.reset()

    done = await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms, more=("--json",))

    assert status == process.returncode
    assert "Traceback" not in err
    assert 0 < size < 720
    assert 0 == done.exit_code, done.output
    [facts] = json.loads(done.stdout)["files"]
    assert minutes(venue.exchange.markets["BTCUSDT"], start_ms, end_ms) == told_bars(
        table(Path(facts["path"]))
    )
    assert facts["requests"] <= (720 - size) // 70 + 2
    assert [facts["path"]] == [str(path) for path in files_in(tmp_path)]


def tear(path: Path) -> None:
    """Leave half a row at the end."""
    with path.open("a") as file:
        file.write("17000,1.0")


async def grown(folder: Path) -> Path:
    """Wait until a page was written."""
    async with asyncio.timeout(20):
        while True:
            if found := [path for path in files_in(folder) if path.stat().st_size > 5_000]:
                return found[0]
            await asyncio.sleep(0.02)


async def test_a_complete_file_is_not_fetched_again(venue: VenueServer, tmp_path: Path) -> None:
    """The second run asks nothing and says the same."""
    start_ms, end_ms = hours(venue, 1)
    first, second = [
        await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms, more=("--json",))
        for _ in range(2)
    ]

    one, two = (json.loads(done.stdout)["files"][0] for done in (first, second))
    assert (0, one["rows"]) == (two["requests"], two["rows"])


async def test_missing_bars_are_told(tmp_path: Path) -> None:
    """A hole amid the period and one at its end are named, in sentences and in JSON, and are no failure."""
    start_ms = 1_700_000_040_000
    missing = {3, 4, 5, 9}

    async def handle(request: web.Request) -> web.Response:
        first = int(request.query["startTime"])
        opens = [start_ms + n * MINUTE_MS for n in range(10) if n not in missing]
        return web.json_response([bar(opened) for opened in opens if opened >= first][:2])

    async with server(handle) as url:
        end_ms = start_ms + 10 * MINUTE_MS
        told = await fetched(url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms)
        listed = await fetched(url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms, more=("--json",))

    assert (0, 0) == (told.exit_code, listed.exit_code)
    assert "6 1m bars, 4 are missing" in told.stdout
    assert "  3 after 2023-11-14T22:16:00Z before 2023-11-14T22:20:00Z\n" in told.stdout
    assert "  1 after 2023-11-14T22:22:00Z to the end\n" in told.stdout
    [facts] = json.loads(listed.stdout)["files"]
    minute = [start_ms + n * MINUTE_MS for n in range(10)]
    assert [[minute[2], minute[6], 3], [minute[8], -1, 1]] == facts["gaps"]


def bar(open_ms: int, **changes: Any) -> list[Any]:
    """Return a bar of one minute as the venue writes it."""
    cells = {
        "open": open_ms, "o": "1.0", "h": "1.0", "l": "1.0", "c": "1.0", "v": "0.0", "close": open_ms + 59_999,
        "q": "0.0", "n": 0, "b": "0.0", "bq": "0.0", "ignore": "0",
    }  # fmt: skip
    return list((cells | changes).values())


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"rows": []}, "dict in place of a list"),
        ([{}], "a bar was promised"),
        ([bar(60_000, o="1e5")], "1 is no amount"),
        ([bar(60_000, n=-1)], "8 is no whole number"),
        ([bar(60_000), bar(60_000)], "rows that repeat or run backwards"),
        ([bar(0)], "rows that repeat or run backwards, asked from 60000"),
        ([bar(60_000, close=359_999)], "bars that are not of 1m"),
        ([bar(60_001)], "bars that are not of 1m"),
    ],
)
async def test_an_answer_that_is_no_page_ends_in_one_sentence(
    tmp_path: Path, answer: object, problem: str
) -> None:
    """Nothing of it is written, and the file is not called complete."""

    async def handle(request: web.Request) -> web.Response:
        return web.json_response(answer)

    async with server(handle) as url:
        done = await fetched(url, tmp_path, "BTC/USDT", start_ms=60_000, end_ms=600_000)

    assert 1 == done.exit_code
    assert problem in done.stderr
    assert 1 == done.stderr.count("\n"), done.stderr
    [part] = files_in(tmp_path)
    assert [] == table(part)
    assert ".part" == part.suffix


async def test_refusals_and_wrong_wishes_are_one_sentence(venue: VenueServer, tmp_path: Path) -> None:
    """An unknown symbol, a time to come, a symbol without a quote: said at once, without a traceback."""
    start_ms, end_ms = hours(venue, 1)
    unknown = await fetched(venue.url, tmp_path, "NO/SUCH", start_ms=start_ms, end_ms=end_ms)
    future = await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms + 10**9)
    backwards = await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=end_ms, end_ms=start_ms)
    nameless = await fetched(venue.url, tmp_path, "BTCUSDT", start_ms=start_ms, end_ms=end_ms)

    assert (1, "Error: binance refused: -1121 Invalid symbol.\n") == (unknown.exit_code, unknown.stderr)
    assert [3, 3, 3] == [done.exit_code for done in (future, backwards, nameless)]
    assert "--end" in future.stderr
    assert "--start" in backwards.stderr
    assert "Expected base and quote" in nameless.stderr


async def test_a_file_of_other_columns_is_left_alone(venue: VenueServer, tmp_path: Path) -> None:
    """What lies under the name is not overwritten."""
    start_ms, end_ms = hours(venue, 1)
    await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms)
    [path] = files_in(tmp_path)
    foreign = path.rename(path.with_name(path.name + ".part"))
    foreign.write_text("time,price\n" + "1,2\n" * 50)

    done = await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms)

    assert 1 == done.exit_code
    assert "has other columns" in done.stderr
    assert foreign.read_text().startswith("time,price\n1,2\n")


async def test_bars_are_replayed_by_the_command(venue: VenueServer, tmp_path: Path) -> None:
    """What was fetched is a tape, packed or not."""
    start_ms, end_ms = hours(venue, 2)
    await fetched(venue.url, tmp_path, "BTC/USDT", start_ms=start_ms, end_ms=end_ms)
    [path] = files_in(tmp_path)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(path.read_bytes()))

    for tape in (path, packed):
        replay = [sys.executable, "-m", "meva_runners.replay", str(tape), "--json"]
        done = await asyncio.to_thread(
            subprocess.run, replay, capture_output=True, text=True, timeout=60, check=False
        )
        assert (0, "") == (done.returncode, done.stderr)
        assert 120 == json.loads(done.stdout)["events"]
