"""Trade and listen through binance-sdk-spot against the venue at the first argument."""

from __future__ import annotations

import asyncio
import sys

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError
from binance_sdk_spot.spot import Spot

URL = sys.argv[1]
WS_URL = URL.replace("http://", "ws://")
client = Spot(
    ConfigurationRestAPI(api_key="meva-key", api_secret="meva-secret", base_path=URL),
    ConfigurationWebSocketAPI(api_key="meva-key", api_secret="meva-secret", stream_url=f"{WS_URL}/ws-api/v3"),
    ConfigurationWebSocketStreams(stream_url=WS_URL),
)
rest = client.rest_api


def trade() -> None:
    """Run the life of orders over REST."""
    assert rest.exchange_info(symbol="BTCUSDT").data().symbols[0].status == "TRADING"
    book = rest.depth("BTCUSDT", limit=5).data()
    assert float(book.bids[0][0]) < float(book.asks[0][0]), book
    assert len(rest.klines("BTCUSDT", "1m", limit=4).data()) == 4
    bought = rest.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.01).data()
    assert bought.status == "FILLED" and bought.fills, bought
    price = round(float(book.bids[-1][0]) * 0.9, 2)
    resting = rest.new_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=price
    ).data()
    assert resting.status == "NEW", resting
    assert rest.get_order("BTCUSDT", order_id=resting.order_id).data().status == "NEW"
    assert len(rest.get_open_orders("BTCUSDT").data()) == 1
    assert rest.delete_order("BTCUSDT", order_id=resting.order_id).data().status == "CANCELED"
    try:
        rest.new_order(symbol="ETHUSDT", side="BUY", type="MARKET", quantity=0.0001)
    except BadRequestError as refused:
        assert "NOTIONAL" in str(refused), refused
    else:
        raise AssertionError("an order below the smallest worth was taken")
    assert rest.my_trades("BTCUSDT").data()[0].order_id == bought.order_id
    assert rest.get_account().data().can_trade


async def listen() -> None:
    """Hear a trade on the streams, and an order's life on the user stream."""
    market = await client.websocket_streams.create_connection()
    trades: asyncio.Queue[object] = asyncio.Queue()
    stream = await market.trade(symbol="btcusdt")
    stream.on("message", trades.put_nowait)
    printed = await asyncio.wait_for(trades.get(), 10)
    assert printed.s == "BTCUSDT", printed
    await market.close_connection(close_session=True)

    api = await client.websocket_api.create_connection()
    reports: asyncio.Queue[object] = asyncio.Queue()
    subscribed = await api.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", reports.put_nowait)
    placed = await api.order_place(symbol="BTCUSDT", side="SELL", type="MARKET", quantity=0.001)
    assert placed.data().result.status == "FILLED", placed.data()
    report = await asyncio.wait_for(reports.get(), 10)
    assert "NEW" in str(report), report
    await api.close_connection(close_session=True)


trade()
asyncio.run(listen())
print("done")
