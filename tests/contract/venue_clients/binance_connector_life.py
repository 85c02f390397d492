"""Trade and listen through binance-connector against the venue at the first argument."""

from __future__ import annotations

import json
import queue
import sys

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

URL = sys.argv[1]
WS_URL = URL.replace("http://", "ws://")
client = Spot(api_key="meva-key", api_secret="meva-secret", base_url=URL)
assert client.exchange_info(symbol="BTCUSDT")["symbols"][0]["status"] == "TRADING"
book = client.depth("BTCUSDT", limit=5)
assert float(book["bids"][0][0]) < float(book["asks"][0][0]), book
assert len(client.klines("BTCUSDT", "1m", limit=3)) == 3
assert client.trades("BTCUSDT") and client.agg_trades("BTCUSDT")
assert client.ticker_24hr("BTCUSDT")["symbol"] == "BTCUSDT"

heard: queue.Queue[dict] = queue.Queue()
streams = SpotWebsocketStreamClient(
    stream_url=WS_URL, on_message=lambda _, text: heard.put(json.loads(text)), is_combined=True
)
streams.agg_trade(symbol="btcusdt")
streams.kline(symbol="btcusdt", interval="1s")
kinds: set[str] = set()
while kinds != {"aggTrade", "kline"}:
    kinds.add(heard.get(timeout=10).get("data", {}).get("e", ""))
    kinds.discard("")
streams.stop()

bought = client.new_order(symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty=500)
assert bought["status"] == "FILLED" and float(bought["cummulativeQuoteQty"]) <= 500, bought
price = f"{float(book['bids'][-1][0]) * 0.9:.2f}"
resting = client.new_order(
    symbol="BTCUSDT",
    side="BUY",
    type="LIMIT",
    timeInForce="GTC",
    quantity="0.01",
    price=price,
    newClientOrderId="x-1",
)
assert resting["status"] == "NEW", resting
assert client.get_order("BTCUSDT", origClientOrderId="x-1")["orderId"] == resting["orderId"]
assert len(client.get_open_orders("BTCUSDT")) == 1
assert client.cancel_order("BTCUSDT", origClientOrderId="x-1")["status"] == "CANCELED"
try:
    client.cancel_order("BTCUSDT", origClientOrderId="x-1")
except ClientError as refused:
    assert refused.error_code == -2011, refused
else:
    raise AssertionError("an order was canceled twice")
assert client.my_trades("BTCUSDT")[0]["orderId"] == bought["orderId"]
assert client.account(omitZeroBalances="true")["balances"]

answers: queue.Queue[dict] = queue.Queue()
api = SpotWebsocketAPIClient(
    stream_url=f"{WS_URL}/ws-api/v3",
    api_key="meva-key",
    api_secret="meva-secret",
    on_message=lambda _, text: answers.put(json.loads(text)),
)
api.new_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity=0.001, newOrderRespType="FULL")
answer = answers.get(timeout=10)
assert answer["status"] == 200 and answer["result"]["status"] == "FILLED", answer
api.stop()
print("done")
