"""Trade through ccxt against the venue whose address is the first argument; exit with an error when it differs."""

from __future__ import annotations

import sys

import ccxt

URL = sys.argv[1]
exchange = ccxt.binance(
    {
        "apiKey": "meva-key",
        "secret": "meva-secret",
        "options": {
            "defaultType": "spot",
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
        },
    }
)
exchange.has["fetchCurrencies"] = False
for name in ("public", "private", "v1"):
    exchange.urls["api"][name] = f"{URL}/api/v3"
markets = exchange.load_markets()
assert markets["BTC/USDT"]["precision"]["price"] == 0.01, markets["BTC/USDT"]
book = exchange.fetch_order_book("BTC/USDT", 5)
assert book["bids"][0][0] < book["asks"][0][0], book
assert exchange.fetch_trades("BTC/USDT")
assert len(exchange.fetch_ohlcv("BTC/USDT", "1m", limit=10)) == 10
assert exchange.fetch_ticker("BTC/USDT")["last"] > 0
assert exchange.fetch_balance()["USDT"]["free"] > 0

bought = exchange.create_order("BTC/USDT", "market", "buy", 0.01)
assert bought["status"] == "closed" and bought["filled"] == 0.01, bought
by_quote = exchange.create_market_buy_order_with_cost("BTC/USDT", 100)
assert by_quote["status"] == "closed" and 90 < by_quote["cost"] <= 100, by_quote
price = book["bids"][-1][0] * 0.9
name = "mine-1"
resting = exchange.create_order("BTC/USDT", "limit", "buy", 0.01, price, {"clientOrderId": name})
assert resting["status"] == "open" and resting["clientOrderId"] == name, resting
assert [each["id"] for each in exchange.fetch_open_orders("BTC/USDT")] == [resting["id"]]
assert exchange.fetch_order(resting["id"], "BTC/USDT")["status"] == "open"
assert exchange.cancel_order(resting["id"], "BTC/USDT")["status"] == "canceled"
assert exchange.fetch_order(resting["id"], "BTC/USDT")["status"] == "canceled"
for time_in_force in ("IOC", "FOK"):
    ended = exchange.create_order("BTC/USDT", "limit", "buy", 0.01, price, {"timeInForce": time_in_force})
    assert ended["status"] == "expired" and ended["filled"] == 0, ended
try:
    exchange.create_order("BTC/USDT", "limit", "buy", 0.01, book["asks"][0][0] * 1.1, {"postOnly": True})
except ccxt.OrderImmediatelyFillable as refused:
    assert "immediately match" in str(refused), refused
else:
    raise AssertionError("a post-only order that would take was taken")
try:
    exchange.create_order("BTC/USDT", "market", "sell", 100)
except ccxt.InsufficientFunds as refused:
    assert "insufficient" in str(refused), refused
else:
    raise AssertionError("more was sold than held")
trades = exchange.fetch_my_trades("BTC/USDT")
assert trades[0]["order"] == bought["id"] and trades[0]["fee"]["cost"] > 0, trades
assert len(exchange.fetch_orders("BTC/USDT")) == 5
print("done")
