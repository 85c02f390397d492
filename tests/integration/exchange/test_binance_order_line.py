"""What an explanation shows as sent is what arrived at the venue, byte for byte."""

from __future__ import annotations

import pytest
from aiohttp import web

from meva_adapters.exchange.binance.order_line import order_line
from meva_core.commands import PlaceOrder
from meva_core.model.order import TimeInForce
from tests.integration.exchange.binance_case import adapter, order, server

ORDERS = (
    order("ours1"),
    order("ours2", price=None, quantity="0.00000001"),
    order("ours3", price="1E+3", post_only=True),
    order("ours4", time_in_force=TimeInForce.IOC),
)


@pytest.mark.parametrize("command", ORDERS, ids=lambda command: command.request.client_order_id)
async def test_the_line_is_what_arrived(command: PlaceOrder) -> None:
    """All but the signature, which comes last and needs a key that no session holds."""
    arrived: list[str] = []

    async def hear(request: web.Request) -> web.Response:
        arrived.append(f"{request.method} {request.raw_path}")
        return web.json_response({"code": -1013, "msg": "heard"}, status=400)

    async with server(hear) as url, adapter(url) as exchange:
        await exchange.place(command)
    [line] = arrived
    shown, _, signature = line.partition("&signature=")

    assert order_line(command, recv_window_ms=5_000) == shown
    assert 64 == len(signature)
