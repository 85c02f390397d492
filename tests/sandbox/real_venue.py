"""Start the simulated venue in a process of its own, and write the settings of an account there; claim nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET

# References resolve to these; the channel is an address on which nobody listens.
VARIABLES = {
    "MEVA_TEST_KEY": DEFAULT_KEY,
    "MEVA_TEST_SECRET": DEFAULT_SECRET,
    "MEVA_TEST_ALERTS": "http://127.0.0.1:9/alerts",
}
ARM = "LIVE main 1000 200"


class RealVenue:
    """Hold a venue that outlives the agents that trade there."""

    streams = ("", "/ws-api/v3")

    def __init__(self, url: str) -> None:
        self.url = url

    def fields(self) -> dict[str, Any]:
        """Return what the section `exchange` holds beside addresses and keys."""
        return {"venue": "binance", "account_id": '"1"', "recv_window_ms": 5000}

    def settings(self, folder: Path, mode: str, *, more: str = "", **exchange: Any) -> str:
        """Write the settings of the venue's account for *mode*, every limit chosen; return the file's name."""
        lines = "\n".join(f"  {name}: {value}" for name, value in (self.fields() | exchange).items())
        path = folder / f"{mode}.yaml"
        public, private = (f"{self.url.replace('http', 'ws')}{stream}" for stream in self.streams)
        path.write_text(
            f"""
mode: {mode}
{more}
exchange:
  rest_url: {self.url}
  stream_url: {public}
  ws_api_url: {private}
  api_key: env:MEVA_TEST_KEY
  api_secret: env:MEVA_TEST_SECRET
{lines}
risk:
  max_notional_per_trade: 1000
  max_position_notional_per_symbol: 2000
  max_portfolio_exposure: 50000
  daily_loss_limit: 200
  max_drawdown_limit: 500
  max_open_orders: 20
  max_orders_per_window: 1000
  max_repeated_orders: 500
  price_collar_bps: 100
  max_data_age_ms: 5000
observability:
  alert_channels: [log, "env:MEVA_TEST_ALERTS"]
""",
            encoding="utf-8",
        )
        return str(path)

    async def ask(self, path: str, **parameters: str) -> Any:
        """Ask the venue itself about the account."""
        async with HttpTransport() as transport:
            signer = HmacSigner(DEFAULT_SECRET)
            calls = BinanceCalls(
                transport, SystemClock(), rest_url=self.url, api_key=DEFAULT_KEY, signer=signer
            )
            return await calls.signed("GET", path, list(parameters.items()), weight=20)


@contextmanager
def real_venue(*arguments: str) -> Iterator[RealVenue]:
    """Start a venue; end it, whatever happens."""
    command = [sys.executable, "-m", "meva_runners.venue", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield RealVenue(process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.communicate()
