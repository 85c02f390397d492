"""Measure the speeds that the README states, each run in a fresh process, and check that the results are right.

    python -m benchmarks.run [--repeats 5] [--json]

Machines differ and are noisy: read the ratios first. The yardstick is a bare loop of the same interpreter over as
many events, with the two averages and nothing else; *times the bare loop* says what the pipeline costs on top.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.data import BARS, TRADES, write_bars, write_trades
from benchmarks.oracle import expected


def bare_loop_seconds(events: int) -> float:
    """Return how long this interpreter takes to keep two averages of 10 and 30 numbers over *events*."""
    fast, slow = deque([0] * 10, maxlen=10), deque([0] * 30, maxlen=30)
    fast_total = slow_total = crossings = 0
    began = time.process_time()
    for price in range(events):
        fast_total += price - fast[0]
        fast.append(price)
        slow_total += price - slow[0]
        slow.append(price)
        if fast_total * 30 < slow_total * 10:
            crossings += 1
    assert crossings == 0, "rising numbers never cross downwards"
    return time.process_time() - began


def standard_runs(path: Path, repeats: int) -> list[dict[str, Any]]:
    """Return the figures of *repeats* runs on *path*; all must decide alike."""
    command = [sys.executable, "-m", "benchmarks.standard_run", str(path)]
    runs = []
    for _ in range(repeats):
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append(json.loads(finished.stdout))
    hashes = {(run["decision_hash"], run["state_hash"]) for run in runs}
    assert len(hashes) == 1, f"equal inputs gave different results: {hashes}"
    return runs


def command_seconds(arguments: Sequence[str], repeats: int) -> float:
    """Return the median wall time of a command of this interpreter."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def median(runs: list[dict[str, Any]], key: str) -> float:
    """Return the median of one figure."""
    return statistics.median(run[key] for run in runs)


def summed_up(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of a standard run as the README shows them."""
    events = runs[0]["events"]
    return {
        "events": events,
        "orders": runs[0]["orders"],
        "final_equity": runs[0]["final_equity"],
        "decision_hash": runs[0]["decision_hash"],
        "events_per_second": round(events / median(runs, "run_seconds")),
        "events_per_second_from_csv": round(events / median(runs, "wall_seconds")),
        "cpu_seconds": round(median(runs, "cpu_seconds"), 2),
        "peak_mb": round(median(runs, "peak_mb")),
    }


def order_cost(directory: Path, repeats: int) -> dict[str, float]:
    """Return run time per order at one, two and four times the orders, over that at one time."""
    costs = {}
    for scale in (1, 2, 4):
        path = directory / f"w1_{scale}x.csv"
        write_trades(path, TRADES // 4 * scale)
        runs = standard_runs(path, repeats)
        costs[f"{scale}x"] = median(runs, "run_seconds") / runs[0]["orders"]
    return {name: round(cost / costs["1x"], 2) for name, cost in costs.items()}


def by_columns(path: Path, repeats: int) -> dict[str, str]:
    """Return what quiet events cost event by event and by columns, in one process."""
    command = [sys.executable, "-m", "benchmarks.columns", str(path), "--repeats", str(repeats)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return {
        name: "{event_by_event_us} us per event, by columns {by_columns_us}: ratio {ratio}".format(**figures)
        for name, figures in json.loads(finished.stdout).items()
    }


def check(run: dict[str, Any], path: Path) -> None:
    """Stop when the run does not agree with the oracle to the last digit."""
    orders, equity = expected(path)
    found = (run["orders"], Fraction(Decimal(run["final_equity"])))
    assert found == (orders, equity), f"expected {orders} orders and {float(equity)}, found {found}"


def measure(repeats: int) -> dict[str, Any]:
    """Return every figure."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        trades, bars = directory / "w1_trades.csv", directory / "w2_bars.csv"
        write_trades(trades, TRADES)
        write_bars(bars, BARS)
        loop_s = bare_loop_seconds(TRADES)
        on_trades = standard_runs(trades, repeats)
        check(on_trades[0], trades)
        on_bars = standard_runs(bars, repeats)
        figures: dict[str, Any] = {"trades": summed_up(on_trades), "bars": summed_up(on_bars)}
        figures["trades"]["times_the_bare_loop"] = round(median(on_trades, "run_seconds") / loop_s, 1)
        figures["trades_by_columns"] = by_columns(trades, min(repeats, 3))
        figures["bars_by_columns"] = by_columns(bars, min(repeats, 3))
        figures["cost_per_order"] = order_cost(directory, min(repeats, 3))
    figures["import_seconds"] = round(
        command_seconds(["-c", "import meva_core.agent.orchestrator"], repeats), 3
    )
    figures["bare_python_seconds"] = round(command_seconds(["-c", "pass"], repeats), 3)
    figures["help_seconds"] = round(command_seconds(["-m", "meva_runners.replay", "--help"], repeats), 3)
    figures["bare_loop_seconds"] = round(loop_s, 3)
    figures["repeats"] = repeats
    figures["machine"] = f"{platform.machine()}, CPython {platform.python_version()}"
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the speeds that the README states.")
    parser.add_argument("--repeats", type=int, default=5, help="runs per figure; medians are shown")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = measure(arguments.repeats)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        if isinstance(figure, dict):
            print(name)
            for key, each in figure.items():
                print(f"  {key:28} {each:,}" if isinstance(each, int) else f"  {key:28} {each}")
        else:
            print(f"{name:30} {figure}")


if __name__ == "__main__":
    main()
