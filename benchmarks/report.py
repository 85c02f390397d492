"""Measure the report of a session of a million events and some 39,000 fills, each in a fresh process.

    python -m benchmarks.report [--repeats 3] [--json] [--session FILE]

The session is that of the standard run (see `benchmarks.data`). Machines differ and are noisy: *times the bare loop*
sets the time against a bare loop of the same interpreter, as in `benchmarks.run`. What the report says is held
against the result of the replay that recorded the session.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.data import TRADES, write_trades
from benchmarks.run import bare_loop_seconds
from benchmarks.standard_run import OVERRIDES, SYMBOL

PARAMETERS = ("strategy.fast=10", "strategy.slow=30", "strategy.quantity=0.1")


def record(directory: Path) -> tuple[Path, dict[str, Any]]:
    """Record the standard run as a session; return it with the result of the replay."""
    tape, session = directory / "w1.csv", directory / "session.db"
    write_trades(tape)
    command = [
        sys.executable,
        "-m",
        "meva_runners.replay",
        f"{SYMBOL}={tape}",
        "--session",
        str(session),
        "--json",
    ]
    for override in (*OVERRIDES, *PARAMETERS):
        command += ["--set", override]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return session, json.loads(finished.stdout)


def measured(session: Path, directory: Path) -> dict[str, float]:
    """Return wall and processor seconds, peak memory and the size of the page of one report."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "meva_runners.report", str(session), "--out", str(directory)],
        check=True,
        capture_output=True,
    )
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_seconds": wall_s,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "page_mb": (directory / "report.html").stat().st_size / 1e6,
    }


def peak_mb(session: Path, directory: Path) -> float:
    """Return the peak memory of a report, as the process itself saw it."""
    program = (
        "import resource, sys; from pathlib import Path; from meva_runners.commands.report_app import write_reports;"
        "write_reports(Path(sys.argv[1]), out=Path(sys.argv[2]));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", program, str(session), str(directory)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(finished.stdout.splitlines()[-1])


def check(directory: Path, result: dict[str, Any]) -> None:
    """Stop when the report does not say what the replay said."""
    report = json.loads((directory / "report.json").read_text())
    figures = {key: figure["value"] for key, figure in report["figures"].items()}
    found = (figures["end_equity"], figures["fees"], figures["fills"], report["origin"]["decision_hash"])
    assert found == (result["final_equity"], result["fees"], result["fills"], result["decision_hash"]), found


def measure(repeats: int, session: Path | None) -> dict[str, Any]:
    """Return every figure."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        result: dict[str, Any] = {}
        if session is None:
            session, result = record(directory)
        runs = [measured(session, directory / "report") for _ in range(repeats)]
        if result:
            check(directory / "report", result)
        cpu_s = statistics.median(run["cpu_seconds"] for run in runs)
        return {
            "events": TRADES,
            "wall_seconds": round(statistics.median(run["wall_seconds"] for run in runs), 2),
            "cpu_seconds": round(cpu_s, 2),
            "times_the_bare_loop": round(cpu_s / bare_loop_seconds(TRADES), 1),
            "peak_mb": round(peak_mb(session, directory / "report")),
            "page_mb": round(runs[0]["page_mb"], 2),
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--session", type=Path, help="a session of the standard run, recorded before")
    options = parser.parse_args()
    figures = measure(options.repeats, options.session)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:22} {value:,}")


if __name__ == "__main__":
    main()
