"""Run the exchange contract on ccxt's client of Binance, against the venue server over loopback sockets."""

from __future__ import annotations

from typing import Final

from meva_adapters.clock.system import SystemClock
from meva_adapters.contracts.case import NotProvenError
from meva_adapters.exchange.ccxt.connecting import ccxt_client
from meva_adapters.exchange.ccxt.exchange import CcxtExchange
from meva_adapters.exchange.ccxt.reference import CcxtReference
from meva_adapters.exchange.ccxt.wire import CcxtWire
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET
from meva_core.ports.exchange import ORDER_KINDS, ExchangeAdapter, VenueCapabilities, VenueReference
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.binance import VenueHarness
from meva_runners.harnesses.still_market import INSTRUMENTS
from meva_runners.harnesses.tapped_venue import TIMEOUT_S

_OPTIONS: Final = {
    "defaultType": "spot",
    "fetchMarkets": {"types": ["spot"]},
    "fetchCurrencies": False,
    "fetchMargins": False,
}
# What we know of this exchange, and prove.
STATED: Final = VenueCapabilities(cancel_settles=True, order_kinds=ORDER_KINDS)


class CcxtHarness(VenueHarness):
    """Let ccxt's client of Binance speak to the venue server."""

    capabilities = STATED

    async def connected(self, url: str) -> ExchangeAdapter:
        """Return the adapter, connected to *url*."""
        self.transport = HttpTransport(timeout_s=TIMEOUT_S)
        client = ccxt_client(
            "binance",
            api_key=DEFAULT_KEY,
            secret=DEFAULT_SECRET,
            settings={"options": dict(_OPTIONS), "enableRateLimit": False},
        )
        client.has["fetchCurrencies"] = False
        for name in ("public", "private", "v1"):
            client.urls["api"][name] = f"{url}/api/v3"
        self.wire_of_ccxt = CcxtWire(client, self.transport, SystemClock())
        symbols = [each.symbol for each in INSTRUMENTS]
        exchange = CcxtExchange(
            self.wire_of_ccxt, symbols=symbols, owns=self.is_ours, capabilities=self.capabilities
        )
        await exchange.connect()
        return exchange

    def stream(self) -> EventStream:
        """Offer none: through ccxt, orders are asked for."""
        raise NotProvenError("stream of our orders")

    def reference(self) -> VenueReference:
        """Return rules and clock."""
        return CcxtReference(self.wire_of_ccxt)


class WeakestCcxtHarness(CcxtHarness):
    """State nothing of the exchange, as the adapter does by itself."""

    capabilities = VenueCapabilities()


harness = CcxtHarness
weakest = WeakestCcxtHarness
