"""Every exchange adapter that ships keeps the exchange contract, and what cannot be proven on it is known."""

from __future__ import annotations

from meva_adapters.contracts.exchange import ExchangeContract
from meva_runners.harnesses.binance import VenueHarness
from meva_runners.harnesses.kraken import KrakenHarness
from meva_runners.harnesses.simulated import SimulatedHarness


class TestSimulatedExchange(ExchangeContract):
    """The venue of simulations, in virtual time."""

    harness = SimulatedHarness


class TestBinanceExchange(ExchangeContract):
    """Binance, against the venue server over sockets."""

    harness = VenueHarness


class TestKrakenExchange(ExchangeContract):
    """Kraken, against a venue of its own over sockets."""

    harness = KrakenHarness
