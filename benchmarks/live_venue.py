"""Be a venue for the driver's benchmark, with trades at an even pace and stamps of what arrives; claim nothing.

It answers only what an agent asks before and while it trades; every order expires at once, as if no one were there.
`GET /bench` gives, in ns by the machine's monotonic clock, how long it was from the sending of the trade that caused an
order to the order's arrival.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque

import orjson
from aiohttp import web

from benchmarks.frames import FRAME

PER_SECOND = 2_000
# Every so many trades print the price at which the strategy of the benchmark orders.
MARK_EVERY = 50


class Venue:
    """Hold the stamps."""

    def __init__(self) -> None:
        self.orders: list[int] = []
        self._marks: deque[int] = deque()
        self._number = 0

    def application(self) -> web.Application:
        """Return what answers."""
        app = web.Application()
        app.router.add_get("/stream", self.stream)
        app.router.add_post("/api/v3/order", self.order)
        app.router.add_get("/api/v3/time", self.time)
        app.router.add_get("/api/v3/account", self.account)
        app.router.add_get("/api/v3/openOrders", self.nothing)
        app.router.add_get("/api/v3/myTrades", self.nothing)
        app.router.add_get("/bench", self.stamps)
        return app

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        """Send trades until the other side has gone."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        began_ns = time.monotonic_ns()
        number = 0
        with contextlib.suppress(ConnectionError):
            while True:
                number += 1
                due_ns = began_ns + number * 10**9 // PER_SECOND
                if (left_ns := due_ns - time.monotonic_ns()) > 0:
                    await asyncio.sleep(left_ns / 10**9)  # The loop counts whole milliseconds: pairs go out.
                text = FRAME.replace("<c>", f"{number % MARK_EVERY:02d}").replace(
                    "<q>", f"{number % 1000:03d}"
                )
                stamp_ns = time.monotonic_ns()
                if number % MARK_EVERY == 0:
                    self._marks.append(stamp_ns)
                await socket.send_str(text.replace("<id>", str(stamp_ns)))
        return socket

    async def order(self, request: web.Request) -> web.Response:
        """Stamp an order, and let it expire. Marks that no order followed, at the start, are older than a second."""
        now_ns = time.monotonic_ns()
        while len(self._marks) > 1 and now_ns - self._marks[0] > 10**9:
            self._marks.popleft()
        self.orders.append(now_ns - self._marks.popleft())
        self._number += 1
        query = request.query
        return _json(
            {
                "symbol": query["symbol"],
                "orderId": self._number,
                "clientOrderId": query["newClientOrderId"],
                "transactTime": time.time_ns() // 10**6,
                "price": query.get("price", "0"),
                "origQty": query["quantity"],
                "executedQty": "0",
                "status": "EXPIRED",
                "side": query["side"],
                "type": query["type"],
                "fills": [],
            }
        )

    async def time(self, _request: web.Request) -> web.Response:
        """Tell the time."""
        return _json({"serverTime": time.time_ns() // 10**6})

    async def account(self, _request: web.Request) -> web.Response:
        """Tell what the settings `dev` open an account with."""
        return _json({"balances": [{"asset": "USDT", "free": "100000", "locked": "0"}]})

    async def nothing(self, _request: web.Request) -> web.Response:
        """Hold nothing."""
        return _json([])

    async def stamps(self, _request: web.Request) -> web.Response:
        """Tell what was measured since the last time."""
        taken, self.orders = self.orders, []
        return _json(taken)


def _json(body: object) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


async def serve() -> None:
    """Serve, and print the port."""
    runner = web.AppRunner(Venue().application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
