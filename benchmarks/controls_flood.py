"""Measure what a flood of control requests costs the trading step, at 2,000 trades a second (security goal Z5).

    python -m benchmarks.controls_flood [--rounds 6] [--seconds 3] [--requests 1000]

Rounds without and with the flood alternate in one process, so that what else the machine does falls on both. The
flood comes from another process, over real sockets, with a valid token: most of it is refused by the rate of a token,
as it would be. *step* is the processor time of one event decided and buffered for the journal, which other programs
do not lengthen; *handled* is the time from a frame's receipt to then, which they do.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector

from benchmarks.live import SYMBOL, Bench, shown
from benchmarks.live_venue import PER_SECOND
from meva_adapters.controls.access import Scope, open_tokens, read_token
from meva_adapters.controls.server import ControlsServer, ServerSettings
from meva_core.agent.operator_view import OperatorView
from meva_core.events import Event, TradeReceived
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.trading.agent_desk import AgentDesk
from meva_runners.trading.look_back import LookBack

_CONNECTIONS = 64  # Twice what the lane takes.
_WARM_UP_S = 3.0


class Steps:
    """Take the time of every trade that an agent handles, apart for quiet and flooded rounds."""

    def __init__(self, process: CommittingAgent, bench: Bench) -> None:
        self.step: dict[bool, list[int]] = {False: [], True: []}
        self.handled: dict[bool, list[int]] = {False: [], True: []}
        self.flooded: bool | None = None  # None: between rounds, nothing is taken.
        self._decide = process.decide
        self._bench = bench

    def decide(self, event: Event) -> Any:
        """Decide as the agent does, and take the time."""
        began_ns = time.thread_time_ns()
        decided = self._decide(event)
        took_ns = time.thread_time_ns() - began_ns
        if self.flooded is not None and isinstance(event, TradeReceived):
            self.step[self.flooded].append(took_ns)
            self.handled[self.flooded].append(self._bench.clock.now_ns() - event.time_ns)
        return decided


async def measured(folder: Path, url: str, options: argparse.Namespace) -> tuple[Steps, int]:
    """Return the steps of all rounds, and how many requests were answered."""
    bench, answered = Bench(folder, url), 0
    async with bench.running() as (driver, process):
        steps = Steps(process, bench)
        process.decide = steps.decide  # type: ignore[method-assign]
        view = OperatorView(process.agent, name="meva", service="meva", account="main", symbols=(SYMBOL,))
        look_back = LookBack(bench.session, view)
        desk = AgentDesk(
            process.agent, view, look_back, bench.config, now_ns=bench.clock.now_ns, handle=driver.ask
        )
        server = ControlsServer(desk, open_tokens(folder / "control"), ServerSettings())
        port, _ = await server.start()
        token = read_token(folder / "control", Scope.READ)
        await asyncio.sleep(_WARM_UP_S)
        try:
            for number in range(2 * options.rounds):
                answered += await _round(steps, options, port, token, flooded=bool(number % 2))
        finally:
            await server.stop()
    return steps, answered


async def _round(steps: Steps, options: argparse.Namespace, port: int, token: str, *, flooded: bool) -> int:
    """Measure for some seconds; return how many requests of the flood were answered."""
    if not flooded:
        steps.flooded = False
        await asyncio.sleep(options.seconds)
        steps.flooded = None
        return 0
    words = (
        "--client",
        str(port),
        token,
        "--seconds",
        str(options.seconds),
        "--requests",
        str(options.requests),
    )
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.controls_flood", *words, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    await client.stdout.readline()  # It has its connections, and begins.
    steps.flooded = True
    answered = int(await client.stdout.readline())
    steps.flooded = None
    await client.wait()
    return answered


async def flood(port: int, token: str, *, seconds: float, per_second: int) -> None:
    """Ask for the status at a steady pace, over a few connections; say how many answers came."""
    answered = 0
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(connector=TCPConnector(limit=_CONNECTIONS), headers=headers) as http:

        async def ask() -> None:
            nonlocal answered
            try:
                async with http.get(f"http://127.0.0.1:{port}/v1/status") as response:
                    await response.read()
                    answered += 1
            except ClientError:
                return  # The lane is full: it closes what is beyond.

        await ask()
        answered = 0
        print("ready", flush=True)
        began, asked = time.monotonic(), 0
        tasks: set[asyncio.Task[None]] = set()
        while (elapsed := time.monotonic() - began) < seconds:
            while asked < elapsed * per_second:
                tasks.add(task := asyncio.create_task(ask()))
                task.add_done_callback(tasks.discard)
                asked += 1
            await asyncio.sleep(0.001)
        print(answered, flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Print the percentiles of both kinds of rounds, and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--client", nargs=2, metavar=("PORT", "TOKEN"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.client:
        port, token = options.client
        asyncio.run(flood(int(port), token, seconds=options.seconds, per_second=options.requests))
        return
    venue = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.live_venue"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert venue.stdout is not None
        url = f"http://127.0.0.1:{int(venue.stdout.readline())}"
        with tempfile.TemporaryDirectory() as name:
            steps, answered = asyncio.run(measured(Path(name), url, options))
    finally:
        venue.kill()
        venue.wait()
    seconds = options.rounds * options.seconds
    print(
        f"{PER_SECOND:,} trades/s; {answered / seconds:,.0f} of {options.requests:,} control requests/s answered"
    )
    for name, values in (("step", steps.step), ("handled", steps.handled)):
        for flooded in (False, True):
            print(shown(f"{name}, {'flooded' if flooded else 'quiet'}", values[flooded]))
        print(f"{name}: p99 flooded / quiet {_p99(values[True]) / _p99(values[False]):.3f}")


def _p99(values: list[int]) -> int:
    return sorted(values)[len(values) * 99 // 100]


if __name__ == "__main__":
    main()
