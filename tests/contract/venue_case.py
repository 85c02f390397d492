"""Ask a venue as a client does, signed or not; claim nothing."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from attrs import frozen

from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET


@frozen
class Answer:
    """Hold what came back."""

    status: int
    body: Any
    headers: dict[str, str]


def signature(payload: str, secret: str = DEFAULT_SECRET) -> str:
    """Return the HMAC signature of *payload*."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


async def signed(venue: VenueServer, method: str, path: str, **params: Any) -> Answer:
    """Make a signed REST call."""
    query = urlencode({"timestamp": venue.exchange.now_ms()} | params)
    return await raw(
        venue, method, f"{path}?{query}&signature={signature(query)}", headers={"X-MBX-APIKEY": DEFAULT_KEY}
    )


async def raw(venue: VenueServer, method: str, path: str, **options: Any) -> Answer:
    """Make any REST call."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{venue.url}/api/v3/{path}", **options) as response,
    ):
        return Answer(response.status, await response.json(), dict(response.headers))


async def limit_buy(venue: VenueServer, name: str, price: str = "50000.00", **more: Any) -> Answer:
    """Place a limit buy of 0.01 BTC, far below the market unless *price* says otherwise."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    return await signed(venue, "POST", "order", **(order | {"price": price, "newClientOrderId": name} | more))


async def found(venue: VenueServer, name: str) -> Answer:
    """Ask for an order by its client's name."""
    return await signed(venue, "GET", "order", symbol="BTCUSDT", origClientOrderId=name)


def subscription(now_ms: int | None = None) -> dict[str, Any]:
    """Return the request that listens to the user data stream."""
    sent = int(time.time() * 1000) if now_ms is None else now_ms
    payload = f"apiKey={DEFAULT_KEY}&timestamp={sent}"
    params = {"apiKey": DEFAULT_KEY, "timestamp": sent, "signature": signature(payload)}
    return {"id": 1, "method": "userDataStream.subscribe.signature", "params": params}
