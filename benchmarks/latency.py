"""Measure how long a trade takes from the venue's socket to its event, over the loopback; claim nothing else.

A process of its own sends 2,000 frames a second over a WebSocket, each with the time of its sending as trade id;
the market stream of the adapter hands the event over, and both read the same monotonic clock of the machine.
Run as `python -m benchmarks.latency`.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time

from aiohttp import web

from benchmarks.frames import BTC, FRAME
from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.market_stream import BinanceMarketStream
from meva_adapters.transport.http import HttpTransport
from meva_core.events import Event, TradeReceived

PER_SECOND = 2_000
FRAMES = 20_000
ROUNDS = 5
WARM_UP = 2_000  # Frames at the beginning that are not counted: the first connect, import and allocate.
_NS_PER_MS = 1_000_000


async def serve() -> None:
    """Be a venue that sends trades at an even pace to whoever connects; print the port."""

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        began_ns = time.monotonic_ns()
        with contextlib.suppress(ConnectionError):
            for number in range(WARM_UP + FRAMES):
                due_ns = began_ns + number * 10**9 // PER_SECOND
                if (left_ns := due_ns - time.monotonic_ns()) > 0:
                    await asyncio.sleep(
                        left_ns / 10**9
                    )  # An event loop counts whole milliseconds: pairs go out.
                text = FRAME.replace("<c>", f"{number % 100:02d}").replace("<q>", f"{number % 1000:03d}")
                await socket.send_str(text.replace("<id>", str(time.monotonic_ns())))
            await asyncio.sleep(1)
        return socket

    app = web.Application()
    app.router.add_get("/stream", stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def follow(port: int) -> list[int]:
    """Return the delays of the counted frames, in ns."""
    delays: list[int] = []
    done = asyncio.Event()

    def deliver(event: Event) -> None:
        if isinstance(event, TradeReceived):
            delays.append(time.monotonic_ns() - event.trade_id)
            if len(delays) == WARM_UP + FRAMES:
                done.set()

    url = f"http://127.0.0.1:{port}"
    async with HttpTransport() as transport:
        calls = BinanceCalls(transport, SystemClock(), rest_url=url)
        stream = BinanceMarketStream(
            calls, transport, stream_url=url.replace("http", "ws"), instruments=[BTC], jitter=lambda: 0.0
        )
        task = asyncio.create_task(stream.run(deliver))
        await asyncio.wait_for(done.wait(), 10 * (WARM_UP + FRAMES) / PER_SECOND)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return delays[WARM_UP:]


def main() -> None:
    """Print the median of the rounds' percentiles."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.latency", "serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        rounds = []
        for _ in range(ROUNDS):
            delays = sorted(asyncio.run(follow(port)))
            rounds.append([delays[len(delays) * share // 1000] / _NS_PER_MS for share in (500, 990, 999)])
            print("p50 {:.3f} ms, p99 {:.3f} ms, p99.9 {:.3f} ms".format(*rounds[-1]))
    finally:
        server.kill()
        server.wait()
    p99 = [row[1] for row in rounds]
    print(
        f"socket to event at {PER_SECOND:,} frames/s, {ROUNDS} rounds of {FRAMES:,}: "
        f"p99 median {statistics.median(p99):.3f} ms, best {min(p99):.3f}, worst {max(p99):.3f}"
    )


if __name__ == "__main__":
    main()
