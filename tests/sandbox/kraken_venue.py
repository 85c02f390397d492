"""Start a simulated Kraken in a process of its own, and write the settings of an account there; claim nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.nonces import MemoryNonces
from meva_adapters.exchange.kraken.signer import KrakenSigner
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.kraken.settings import KRAKEN_SECRET
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_core.errors import VenueRefusedError
from tests.sandbox.real_venue import VARIABLES, RealVenue, real_venue

ACCOUNT_ID = f"kraken-{blake2b(DEFAULT_KEY.encode(), digest_size=4).hexdigest()}"
KRAKEN_VARIABLES = VARIABLES | {"MEVA_TEST_SECRET": KRAKEN_SECRET}
_RULES = "lot_size: 0.00000001, min_notional: 0.5"
_INSTRUMENTS = (
    f"[{{symbol: BTC/USD, tick_size: 0.1, min_quantity: 0.00005, {_RULES}}},"
    f" {{symbol: ETH/USD, tick_size: 0.01, min_quantity: 0.002, {_RULES}}}]"
)


class KrakenVenue(RealVenue):
    """Hold a venue that speaks as Kraken does."""

    streams = ("/v2", "/auth/v2")

    def fields(self) -> dict[str, Any]:
        """Return what the section `exchange` holds beside addresses and keys."""
        return {
            "venue": "kraken",
            "account_id": ACCOUNT_ID,
            "tier": "pro",
            "balances": "{USDT: 0, USD: 100000}",
            "instruments": _INSTRUMENTS,
            "fees": "{maker_bps: 25, taker_bps: 40, paid_in: quote}",
        }

    def settings(self, folder: Path, mode: str, *, more: str = "", **exchange: Any) -> str:
        """Write the settings of the account, in dollars; return the file's name."""
        return super().settings(folder, mode, more=f"reporting_currency: USD\n{more}", **exchange)

    async def ask(self, path: str, **parameters: str) -> Any:
        """Make a private call of the account, when no agent does meanwhile: the calls of a key are numbered."""
        clock = SystemClock()
        async with HttpTransport() as transport:
            calls = KrakenCalls(
                transport,
                clock,
                rest_url=self.url,
                api_key=DEFAULT_KEY,
                signer=KrakenSigner(KRAKEN_SECRET),
                nonces=MemoryNonces(clock),
            )
            while True:
                try:
                    return await calls.private(path, list(parameters.items()))
                except VenueRefusedError as refused:
                    if "Rate limit" not in refused.code:
                        raise
                await asyncio.sleep(1)  # The agent has used up what the key may ask.

    def open_orders(self) -> list[str]:
        """Return the names of what rests at the venue."""
        orders = asyncio.run(self.ask("OpenOrders"))["open"]
        return sorted(order["cl_ord_id"] for order in orders.values())


@contextmanager
def kraken_venue(*arguments: str) -> Iterator[KrakenVenue]:
    """Start a venue; end it, whatever happens."""
    with real_venue("--like", "kraken", *arguments) as running:
        yield KrakenVenue(running.url)
