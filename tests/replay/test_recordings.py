"""Real recordings go through the whole agent. They are no part of the project: tested only where they lie."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from meva_runners.replay import main
from tests.contract.tape_files import RECORDINGS, needs_recordings

pytestmark = needs_recordings

RAW = RECORDINGS / "binance_spot_raw"
BARS = RECORDINGS / "bars"
WIDE = ("--set", "risk.max_repeated_orders=1000", "--set", "risk.max_orders_per_window=1000")


def replayed(*arguments: str) -> dict[str, Any]:
    """Return the JSON result of a replay that succeeded."""
    finished = CliRunner().invoke(main, [*arguments, "--json"])
    assert 0 == finished.exit_code, finished.stderr
    result: dict[str, Any] = json.loads(finished.stdout)
    return result


def test_raw_frames_of_two_symbols_trade_against_their_books() -> None:
    """Trades, quotes and depth of a real venue, merged by time; orders fill from the visible book."""
    tapes = [f"{name}/USDT={RAW / f'{name.lower()}usdt_20240808.gz'}" for name in ("BTC", "ETH")]
    options = ("--strategy", "sma_cross", "--set", "strategy.quantity=0.002", *WIDE)
    result = replayed(*tapes, *options, "--set", "execution.fill_model=book", "--check")

    assert 28_040 + 9_757 + 3_452 + 24_077 + 6_106 + 3_435 == result["events"]
    assert result["orders"] > 100
    assert result["fills"] >= result["orders"] - 1
    assert {} == result["signals_rejected"]


def test_a_month_of_minute_bars_is_replayed() -> None:
    """Forty-five thousand bars, some with volumes off the lot grid, and a resumed run that equals the straight one."""
    grid = "exchange.instruments=[{symbol: BTC/USDT, tick_size: 0.001, lot_size: 0.00001}]"
    tape = f"BTC/USDT={BARS / 'btc-perp-20211231-20220201_1m.csv.gz'}"
    result = replayed(tape, "--set", grid, "--round-volume", "--check")

    assert 45_031 == result["events"]
    assert result["fills"] == result["orders"] > 50


def test_a_newest_first_file_is_refused_with_the_way_out() -> None:
    """The message names the line and the option that sorts."""
    grid = "exchange.instruments=[{symbol: BTC/USD, tick_size: 0.01, lot_size: 0.00001}]"
    arguments = [
        f"BTC/USD={BARS / 'Coinbase_BTCUSD_1h.csv.gz'}",
        "--set",
        grid,
        "--set",
        "reporting_currency=USD",
    ]
    more = ["--set", "exchange.balances={USDT: 0, USD: 100000}", "--set", "strategy.timeframe=1h"]
    refused = CliRunner().invoke(main, [*arguments, *more])
    sorted_first = replayed(*arguments, *more, "--sort", "--round-volume")

    assert 1 == refused.exit_code
    assert "line 4" in refused.stderr
    assert "--sort" in refused.stderr
    assert 20_111 == sorted_first["events"]
    assert sorted_first["orders"] > 0
