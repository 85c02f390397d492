"""Trade and listen through python-kraken-sdk at the address in the first argument; exit with an error on a fault."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from kraken.exceptions import KrakenInvalidSignatureError
from kraken.spot import Market, SpotWSClient, Trade, User

URL = sys.argv[1]
KEY, SECRET = "meva-key", "bWV2YSBzaW11bGF0ZWQga3Jha2VuIHNlY3JldA=="
WAIT_S = 20


async def main() -> None:
    """Subscribe, place, cancel, fill, and compare what each interface tells."""
    news = asyncio.Event()
    heard: dict[tuple[str, str], list[Any]] = defaultdict(list)

    async def callback(message: dict[str, Any]) -> None:
        assert "error" not in message, message
        for row in message.get("data", []):
            heard[message["channel"], message.get("type", "")].append(row)
        news.set()

    async def until(enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not enough():
                news.clear()
                await news.wait()

    market, trade, user = (kind(key=KEY, secret=SECRET, url=URL) for kind in (Market, Trade, User))
    assert market.get_asset_pairs(pair="XBTUSD")["XXBTZUSD"]["wsname"] == "XBT/USD"
    sockets = URL.replace("http", "ws")
    client = SpotWSClient(
        key=KEY, secret=SECRET, callback=callback, rest_url=URL, ws_url=sockets, auth_ws_url=f"{sockets}/auth"
    )
    await client.start()
    for params in (
        {"channel": "book", "symbol": ["BTC/USD"], "depth": 25},
        {"channel": "ticker", "symbol": ["BTC/USD"]},
        {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"]},
        {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 1},
        {"channel": "executions", "snap_orders": True},
    ):
        await client.subscribe(params=params)
    wanted = (
        ("book", "snapshot"),
        ("ohlc", "snapshot"),
        *((each, "update") for each in ("book", "ticker", "trade")),
    )
    await until(lambda: all(heard[each] for each in wanted))
    assert len(heard["book", "snapshot"][0]["bids"]) == 20, heard["book", "snapshot"]

    order = {"ordertype": "limit", "pair": "XBTUSD", "side": "buy", "volume": "0.01", "price": "50000.0"}
    (resting,) = trade.create_order(**order, extra_params={"cl_ord_id": "mine-1"})["txid"]
    assert user.get_open_orders()["open"][resting]["cl_ord_id"] == "mine-1"
    assert trade.cancel_order(txid=resting)["count"] == 1
    (bought,) = trade.create_order(ordertype="market", pair="XBTUSD", side="buy", volume="0.01")["txid"]
    await until(lambda: any(row["exec_type"] == "filled" for row in heard["executions", "update"]))
    kinds = {(row["order_id"], row["exec_type"]) for row in heard["executions", "update"]}
    assert {(resting, "new"), (resting, "canceled"), (bought, "trade"), (bought, "filled")} <= kinds, kinds
    assert user.get_orders_info(txid=bought)[bought]["status"] == "closed"
    assert {row["ordertxid"] for row in user.get_trades_history()["trades"].values()} == {bought}
    await client.close()
    try:
        User(key=KEY, secret="d3Jvbmc=", url=URL).get_balances()
    except KrakenInvalidSignatureError:
        print("done")


asyncio.run(main())
