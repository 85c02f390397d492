"""Trade through ccxt against the Kraken whose address is the first argument; exit with an error when it differs."""

from __future__ import annotations

import sys

import ccxt

URL = sys.argv[1]
SECRET = "bWV2YSBzaW11bGF0ZWQga3Jha2VuIHNlY3JldA=="
exchange = ccxt.kraken({"apiKey": "meva-key", "secret": SECRET, "enableRateLimit": False})
for name in ("public", "private"):
    exchange.urls["api"][name] = URL
markets = exchange.load_markets()
assert markets["BTC/USD"]["precision"] == {"amount": 1e-08, "price": 0.1}, markets["BTC/USD"]
assert markets["BTC/USD"]["active"] and markets["BTC/USD"]["limits"]["amount"]["min"] == 0.00005
assert "DOGE/USD" in markets, list(markets)
assert abs(exchange.fetch_time() - exchange.milliseconds()) < 2_000
assert exchange.fetch_status()["status"] == "ok"
book = exchange.fetch_order_book("BTC/USD", 5)
assert book["bids"][0][0] < book["asks"][0][0], book
assert exchange.fetch_trades("BTC/USD")[0]["side"] in ("buy", "sell")
bars = exchange.fetch_ohlcv("BTC/USD", "1m", limit=10)
assert len(bars) == 10 and all(low <= close <= high for _, _, high, low, close, _ in bars), bars
assert exchange.fetch_balance()["USD"]["free"] == 1_000_000

bought = exchange.create_order("BTC/USD", "market", "buy", 0.01)
found = exchange.fetch_order(bought["id"], "BTC/USD")
assert found["status"] == "closed" and found["filled"] == 0.01 and float(found["fee"]["cost"]) > 0, found
price = round(book["bids"][-1][0] * 0.9, 1)
name = "mine-1"
resting = exchange.create_order("BTC/USD", "limit", "buy", 0.01, price, {"clientOrderId": name})
[opened] = exchange.fetch_open_orders("BTC/USD")
assert opened["id"] == resting["id"] and opened["clientOrderId"] == name and opened["price"] == price, opened
assert exchange.fetch_balance()["USD"]["used"] > 0
exchange.cancel_order(resting["id"], "BTC/USD")
assert exchange.fetch_order(resting["id"], "BTC/USD")["status"] == "canceled"
ended = exchange.create_order("BTC/USD", "limit", "buy", 0.01, price, {"timeInForce": "IOC"})
assert exchange.fetch_order(ended["id"], "BTC/USD")["filled"] == 0
for request, refusal in (
    (("BTC/USD", "market", "sell", 100), ccxt.InsufficientFunds),
    (("BTC/USD", "limit", "buy", 0.0001, price, {"clientOrderId": "!"}), ccxt.ExchangeError),
):
    try:
        exchange.create_order(*request)
    except refusal:
        continue
    raise AssertionError(f"{request} was taken")
trades = exchange.fetch_my_trades("BTC/USD")
assert trades[0]["order"] == bought["id"] and trades[0]["fee"]["currency"] == "USD", trades
assert sum(trade["amount"] for trade in trades) == 0.01, trades
assert len(exchange.fetch_closed_orders("BTC/USD")) == 3
assert exchange.cancel_all_orders_after(60_000)["result"]["triggerTime"] != "0"
assert exchange.cancel_all_orders_after(0)["result"]["triggerTime"] == "0"
try:
    ccxt.kraken({"apiKey": "nobody", "secret": SECRET, "urls": exchange.urls}).fetch_balance()
except ccxt.AuthenticationError as refused:
    assert "Invalid key" in str(refused), refused
else:
    raise AssertionError("an unknown key was served")
print("done")
