"""Make a Kraken adapter for a server on the loopback; claim nothing."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from attrs import evolve

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair, read_pairs
from meva_adapters.exchange.kraken.exchange import KrakenExchange
from meva_adapters.exchange.kraken.nonces import MemoryNonces
from meva_adapters.exchange.kraken.order_costs import OrderCosts
from meva_adapters.exchange.kraken.signer import KrakenSigner
from meva_adapters.transport.decaying_budget import DecayingBudget
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.kraken.exact_json import exact_json
from meva_adapters.venue.kraken.pairs import rules
from meva_adapters.venue.kraken.rows import pair_key
from meva_adapters.venue.kraken.settings import KRAKEN_MARKETS, KRAKEN_SECRET, KRAKEN_SETTINGS
from meva_adapters.venue.market import Market
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_adapters.wire.fields import read_exact_json
from meva_core.commands import PlaceOrder
from tests.integration.exchange.binance_case import CLOCK, is_ours
from tests.integration.exchange.binance_case import order as dollar_order

ROOMY = evolve(KRAKEN_SETTINGS, weight_limit=1_000)
WRONG_SECRET = base64.b64encode(b"wrong").decode()


NONCES = MemoryNonces(CLOCK)  # One for all adapters of one key, as the venue asks for.


def pairs() -> tuple[KrakenPair, ...]:
    """Return the pairs as the venue lists them, in the order of the markets."""
    markets = [Market(listed) for listed in KRAKEN_MARKETS]
    listed = {pair_key(market.instrument): rules(market) for market in markets}
    return tuple(read_pairs(read_exact_json(exact_json(listed))).values())


def order(name: str, **more: Any) -> PlaceOrder:
    """Return the command to buy BTC for dollars, as its neighbour does for tethers."""
    return dollar_order(name, **({"symbol": "BTC/USD"} | more))


def calls_of(
    transport: HttpTransport, url: str, *, key: str = DEFAULT_KEY, secret: str = KRAKEN_SECRET, **more: Any
) -> KrakenCalls:
    """Return calls signed with the venue's own key, with a budget that holds no test back."""
    facts: dict[str, Any] = {
        "rest_url": url,
        "api_key": key,
        "signer": KrakenSigner(secret),
        "nonces": NONCES,
        "budget": DecayingBudget(limit=1_000, reserve=3, decay_milli=1_000),
    }
    return KrakenCalls(transport, CLOCK, **(facts | more))


@asynccontextmanager
async def adapter(url: str, *, timeout_s: float = 2.0, **more: Any) -> AsyncIterator[KrakenExchange]:
    """Return an adapter that talks to *url*."""
    async with HttpTransport(timeout_s=timeout_s) as transport:
        calls = calls_of(transport, url, **more)
        yield KrakenExchange(calls, pairs=pairs(), owns=is_ours, costs=OrderCosts(threshold=1_000))
