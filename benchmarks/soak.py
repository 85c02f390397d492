"""Let a whole agent trade for long, and look at what grows, breaks or drifts apart.

    python -m benchmarks.soak --minutes 30 [--per-second 2000] [--folder DIR]

A simulated venue in one process makes up two markets at *per-second* trades together; an agent in another trades there
through the adapter, journal, controls and watchdogs of real trading. Printed at the end: events a second that were
handled, over all and in the slowest minute; the slope of the agent's resident memory after the first third, with its
standard error and the levels that it is from; open descriptors at both ends, log lines of errors, exceptions that
nobody caught, differences between books and venue, the exit status, and whether the session verifies. A slope within
two standard errors of nothing is none that this run could show; levels that rise each time are one that a longer run
will show.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from attrs import evolve, frozen

from meva_adapters.controls.client import ControlsClient
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS, VenueSettings

_LOOK_S = 5.0
_MARKETS = 2
_STRETCHES = 12
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20
# Fees eat what two averages on chance win: with narrower limits a long run would end as one that trades no more.
_SETTINGS = """
mode: paper
strategies: [{name: sma_cross, parameters: {fast: 50, slow: 200, timeframe: null, quantity: 0.001}}]
risk: {max_orders_per_window: 600, max_repeated_orders: 500, max_open_orders: 50, daily_loss_limit: 50000,
  max_drawdown_limit: 50000}
observability: {log_level: ERROR}
"""


@frozen
class Look:
    """Hold what was seen of the agent at one moment."""

    second: float
    resident_bytes: int
    descriptors: int
    events: int


@frozen
class Slope:
    """Hold by how many MiB an hour the resident memory grows, the standard error of that, and the *levels* behind it.

    Memory grows in steps that stay, an allocator's high water: a line through its levels takes one step for a slope
    that is certain. So the slope is the mean of how much it rises over equal stretches, and the error is from how
    these differ. Of made-up steps by chance, two such errors hold the truth in 98 of 100 runs; those of a line, in 34.
    """

    per_hour: float
    error_per_hour: float
    levels: tuple[float, ...]

    @classmethod
    def of(cls, looks: Sequence[Look]) -> Slope:
        """Return the slope of at least three *looks*."""
        ends = looks[:: max(1, (len(looks) - 1) // _STRETCHES)]
        levels = tuple(look.resident_bytes / _MIB for look in ends)
        hours = [look.second / 3_600 for look in ends]
        rises = [
            (after - before) / (later - earlier)
            for (before, after), (earlier, later) in zip(pairwise(levels), pairwise(hours), strict=True)
        ]
        return cls(fmean(rises), stdev(rises) / math.sqrt(len(rises)), levels)


def slowest_minute(looks: Sequence[Look]) -> float:
    """Return the fewest events a second over a minute, or over the whole of a shorter run."""
    step = min(len(looks) - 1, int(60 / _LOOK_S))
    return min(
        (later.events - earlier.events) / (later.second - earlier.second)
        for earlier, later in zip(looks, looks[step:], strict=False)
    )


async def serve(per_second: float) -> None:
    """Be the venue, until killed."""
    settings = VenueSettings(markets=DEFAULT_MARKETS[:_MARKETS], trades_per_second=per_second / _MARKETS)
    async with VenueServer(evolve(settings, weight_limit=1_000_000, order_limit_10s=100_000)) as venue:
        print(venue.url, flush=True)
        await asyncio.Event().wait()


def look(agent: subprocess.Popen[str], client: ControlsClient, began: float) -> Look:
    """Look at the agent now."""
    process = Path("/proc") / str(agent.pid)
    pages = int((process / "statm").read_text(encoding="ascii").split()[1])
    descriptors = len(list((process / "fd").iterdir()))
    status: dict[str, Any] = asyncio.run(client.read("status"))
    return Look(time.monotonic() - began, pages * _PAGE_BYTES, descriptors, status["events"])


def soak(options: argparse.Namespace, url: str, folder: Path) -> None:
    """Run the agent, look at it, end it, and print what was seen."""
    settings, session, log = folder / "agent.yaml", folder / "session.db", folder / "agent.log"
    settings.write_text(_SETTINGS, encoding="utf-8")
    stream = url.replace("http", "ws")
    command = [sys.executable, "-m", "meva_runners.paper", "-c", str(settings), "--session", str(session)]
    command += ["--market-url", url, "--stream-url", stream]
    command += ["--controls-port", "0", "--set", f"controls.folder={folder / 'control'}", "--json"]
    with log.open("w", encoding="utf-8") as errors:
        agent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            looks = watched(agent, _client(log, folder), options.minutes * 60)
            agent.send_signal(signal.SIGTERM)
            output, _ = agent.communicate(timeout=120)
        finally:
            agent.kill()
    report(looks, log, agent.returncode, json.loads(output or "{}"))
    began = time.monotonic()
    words = [sys.executable, "-m", "meva_runners.replay", str(session), "--verify"]
    verified = subprocess.run(words, capture_output=True, text=True, check=False)
    told = verified.stderr.strip() if verified.returncode else f"yes, in {time.monotonic() - began:.0f} s"
    print(f"session of {session.stat().st_size / _MIB:.0f} MiB verifies: {told}")


def watched(agent: subprocess.Popen[str], client: ControlsClient, seconds: float) -> list[Look]:
    """Return what was seen of the agent meanwhile; stop early when it ends."""
    began, looks = time.monotonic(), []
    while time.monotonic() - began < seconds and agent.poll() is None:
        time.sleep(_LOOK_S)
        looks.append(look(agent, client, began))
    return looks


def report(looks: Sequence[Look], log: Path, status: int | None, result: dict[str, Any]) -> None:
    """Print what was seen."""
    first, last = looks[0], looks[-1]
    rate = (last.events - first.events) / (last.second - first.second)
    print(
        f"{last.second / 60:.1f} minutes, {last.events:,} events, {rate:,.0f} events/s, {slowest_minute(looks):,.0f} "
        f"in the slowest minute; exit status {status}"
    )
    late = looks[len(looks) // 3 :]
    slope = Slope.of(late)
    print(
        f"resident memory {first.resident_bytes / _MIB:.1f} MiB at the start, {late[0].resident_bytes / _MIB:.1f} "
        f"after the first third, {last.resident_bytes / _MIB:.1f} at the end; slope since {slope.per_hour:+.2f} MiB/h, "
        f"standard error {slope.error_per_hour:.2f}, from {' '.join(f'{level:.2f}' for level in slope.levels)}"
    )
    print(f"descriptors {first.descriptors} at the start, {last.descriptors} at the end")
    lines = log.read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    uncaught = sum(line.startswith("Traceback") for line in lines)
    kinds = Counter(f"{entry['event_type']} {entry.get('code', '')}".strip() for entry in entries)
    mismatches = sum(count for kind, count in kinds.items() if "venue_mismatch" in kind)
    print(
        f"lines of errors {sum(kinds.values())}: {dict(kinds) or 'none'}; uncaught exceptions {uncaught}; "
        f"mismatches {mismatches}"
    )
    print(
        f"orders {result.get('orders')}, fills {result.get('fills')}, final equity {result.get('final_equity')}"
    )


def _client(log: Path, folder: Path) -> ControlsClient:
    """Return a client of the agent's controls, once it has said where they are."""
    for _ in range(300):
        for line in log.read_text(encoding="utf-8").splitlines():
            if line.startswith("dashboard "):
                return ControlsClient(url=line.split()[1], folder=folder / "control")
        time.sleep(0.1)
    raise SystemExit(f"the agent did not start: {log.read_text(encoding='utf-8')}")


def main() -> None:
    """Start the venue and the agent, and print what became of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--per-second", type=float, default=2_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.per_second))
        return
    command = [sys.executable, "-m", "benchmarks.soak", "--serve", "--per-second", str(options.per_second)]
    venue = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert venue.stdout is not None
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            soak(options, venue.stdout.readline().strip(), Path(name))
    finally:
        venue.kill()
        venue.wait()


if __name__ == "__main__":
    main()
