"""Make a Binance adapter for a server on the loopback, and commands for it; claim nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, cast

from aiohttp import web

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET
from meva_core.commands import Approved, PlaceOrder
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

CLOCK = SystemClock()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def order(name: str, *, price: str | None = "50000.00", quantity: str = "0.01", **more: Any) -> PlaceOrder:
    """Return the command to buy BTC, far below the market unless *price* is `None`: then at market."""
    facts: dict[str, Any] = {
        "client_order_id": name,
        "idem_key": name,
        "strategy": "s",
        "symbol": "BTC/USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT if price else OrderType.MARKET,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(quantity),
        "limit_price": Decimal(price) if price else None,
        "post_only": False,
        "reduce_only": False,
    }
    return PlaceOrder(OrderRequest(**(facts | more)), cast("Approved", None), CLOCK.now_ns())


@asynccontextmanager
async def adapter(
    url: str, *, key: str = DEFAULT_KEY, timeout_s: float = 2.0
) -> AsyncIterator[BinanceExchange]:
    """Return an adapter that talks to *url*."""
    async with HttpTransport(timeout_s=timeout_s) as transport:
        yield BinanceExchange(calls_of(transport, url, key=key), symbols=["BTC/USDT"], owns=is_ours)


def is_ours(name: str) -> bool:
    """Return whether an order carries the mark of these tests."""
    return name.startswith("ours")


def calls_of(transport: HttpTransport, url: str, *, key: str = DEFAULT_KEY) -> BinanceCalls:
    """Return calls signed with the venue's own key."""
    return BinanceCalls(transport, CLOCK, rest_url=url, api_key=key, signer=HmacSigner(DEFAULT_SECRET))


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """Serve every call by *handler*; return the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
