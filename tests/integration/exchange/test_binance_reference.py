"""What must be known before trading is read from the venue itself, or named as an error with its reason."""

from __future__ import annotations

import pytest

from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_MARKETS
from meva_core.errors import VenueRefusedError, VenueUnknownError
from tests.integration.exchange.binance_case import calls_of


async def test_rules_clock_and_account_are_the_venues_own() -> None:
    """Grids and limits equal the listed ones, in the order asked; the clock is ours here; the account may trade."""
    async with VenueServer() as venue, HttpTransport() as transport:
        reference = BinanceReference(calls_of(transport, venue.url))
        rules = await reference.instruments(["ETH/USDT", "BTC/USDT"])
        clock = await reference.measure_clock()
        facts = await reference.account_facts()

    btc, eth = DEFAULT_MARKETS[0].instrument, DEFAULT_MARKETS[1].instrument
    assert [(i.symbol, i.tick_size, i.lot_size, i.min_notional) for i in (eth, btc)] == [
        (i.symbol, i.tick_size, i.lot_size, i.min_notional) for i in rules
    ]
    assert abs(clock.offset_ns) < 10**9
    assert facts.can_trade


async def test_an_unknown_symbol_is_refused_and_a_dead_venue_unknown() -> None:
    """Neither is a traceback of the network."""
    async with HttpTransport() as transport:
        async with VenueServer() as venue:
            reference = BinanceReference(calls_of(transport, venue.url))
            with pytest.raises(VenueRefusedError, match="-1121"):
                await reference.instruments(["NO/SUCH"])
        with pytest.raises(VenueUnknownError, match="outcome unknown"):
            await reference.measure_clock()
