"""Trade and listen through python-binance against the venue at the first argument."""

from __future__ import annotations

import asyncio
import sys

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

URL = sys.argv[1]
WS_URL = URL.replace("http://", "ws://")
AsyncClient.API_URL = Client.API_URL = f"{URL}/api"
AsyncClient.WS_API_URL = f"{WS_URL}/ws-api/v3"
BinanceSocketManager.STREAM_URL = f"{WS_URL}/"


async def main() -> None:
    """Run a whole life of orders with the streams open."""
    client = await AsyncClient.create("meva-key", "meva-secret")
    sockets = BinanceSocketManager(client)
    assert (await client.get_symbol_info("BTCUSDT"))["status"] == "TRADING"
    book = await client.get_order_book(symbol="BTCUSDT", limit=5)
    assert float(book["bids"][0][0]) < float(book["asks"][0][0]), book
    assert len(await client.get_klines(symbol="BTCUSDT", interval="1m", limit=7)) == 7
    assert await client.get_recent_trades(symbol="BTCUSDT")
    async with sockets.trade_socket("BTCUSDT") as trades:
        assert (await asyncio.wait_for(trades.recv(), 10))["e"] == "trade"
    async with sockets.multiplex_socket(["btcusdt@bookTicker", "btcusdt@depth@100ms"]) as both:
        seen = {(await asyncio.wait_for(both.recv(), 10))["stream"] for _ in range(6)}
        assert seen == {"btcusdt@bookTicker", "btcusdt@depth@100ms"}, seen
    async with sockets.user_socket() as user:
        bought = await client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
        assert bought["status"] == "FILLED" and bought["fills"], bought
        events = [await asyncio.wait_for(user.recv(), 10) for _ in range(3)]
        found = [(event["e"], event.get("x")) for event in events]
        expected = [
            ("executionReport", "NEW"),
            ("executionReport", "TRADE"),
            ("outboundAccountPosition", None),
        ]
        assert found == expected, found
        price = f"{float(book['bids'][-1][0]) * 0.9:.2f}"
        resting = await client.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price=price)
        assert resting["status"] == "NEW", resting
        assert len(await client.get_open_orders(symbol="BTCUSDT")) == 1
        ended = await client.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
        assert ended["status"] == "CANCELED", ended
    assert (await client.get_order(symbol="BTCUSDT", orderId=resting["orderId"]))["status"] == "CANCELED"
    by_socket = await client.ws_create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.005")
    assert by_socket["status"] == "FILLED", by_socket
    try:
        await client.order_limit_buy(symbol="BTCUSDT", quantity="0.01", price="0.001")
    except BinanceAPIException as refused:
        assert refused.code == -1013 and "PRICE_FILTER" in refused.message, refused
    else:
        raise AssertionError("a price off the grid was taken")
    assert len(await client.get_my_trades(symbol="BTCUSDT")) >= 2
    assert float((await client.get_asset_balance("BTC"))["free"]) > 10
    await client.close_connection()


asyncio.run(main())
print("done")
