"""What the venue says is believed before real money is: clock, rules, account and key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from attrs import evolve

from meva_adapters.clock.system import SystemClock
from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.reference import BinanceReference
from meva_adapters.exchange.binance.signer import HmacSigner
from meva_adapters.transport.http import HttpTransport
from meva_adapters.venue.faults import Fault, FaultKind
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET
from meva_core.config.schema import AppConfig
from meva_core.events import ClockMeasured
from meva_core.model.instrument import Instrument
from meva_core.ports.exchange import AccountFacts
from meva_runners.exit_status import PreflightError
from meva_runners.trading.preflight import confirm_account, confirm_market
from tests.replay.case import config


@asynccontextmanager
async def asked(venue: VenueServer, key: str = DEFAULT_KEY) -> AsyncIterator[BinanceReference]:
    """Return what asks *venue*."""
    async with HttpTransport() as transport:
        signer = HmacSigner(DEFAULT_SECRET)
        yield BinanceReference(
            BinanceCalls(transport, SystemClock(), rest_url=venue.url, api_key=key, signer=signer)
        )


class Told:
    """Be a venue that says *facts* of the key."""

    def __init__(self, facts: AccountFacts) -> None:
        self._facts = facts

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        return ()

    async def measure_clock(self) -> ClockMeasured:
        return ClockMeasured(0, 0)

    async def account_facts(self) -> AccountFacts:
        return self._facts


def account(number: str = "1") -> AppConfig:
    """Return settings for the account *number*."""
    settings = config()
    return evolve(settings, exchange=evolve(settings.exchange, account_id=number))


async def test_a_venue_that_confirms_everything_lets_it_start() -> None:
    """A right clock, the configured rules and our account are no reason to stay away."""
    async with VenueServer() as venue, asked(venue) as reference:
        await confirm_market(account(), reference, name="venue")
        facts = await confirm_account(account(), reference)

    assert AccountFacts(account_id="1", can_trade=True, can_withdraw=False) == facts


async def test_a_wrong_clock_is_refused_with_its_number() -> None:
    """A venue's clock that is 1.8 s ahead of ours ends the start."""
    async with VenueServer() as venue, asked(venue) as reference:
        venue.strike(Fault(kind=FaultKind.CLOCK_OFFSET, milliseconds=1_840))
        with pytest.raises(PreflightError, match=r"CFG-160 found a clock that is 18\d\d ms behind"):
            await confirm_market(account(), reference, name="venue")


async def test_other_rules_than_the_configured_ones_are_refused() -> None:
    """A tick size that is not the venue's ends the start, with both numbers."""
    settings = config("exchange.instruments.0.tick_size=0.1")
    async with VenueServer() as venue, asked(venue) as reference:
        with pytest.raises(PreflightError, match=r"tick_size is 0\.1 here and 0\.01 at the venue"):
            await confirm_market(settings, reference, name="venue")


async def test_a_venue_that_is_not_there_is_named() -> None:
    """Without an answer nothing starts."""
    async with VenueServer() as venue:
        url = venue.url
    async with HttpTransport() as transport:
        reference = BinanceReference(BinanceCalls(transport, SystemClock(), rest_url=url))
        with pytest.raises(PreflightError, match="the venue does not answer"):
            await confirm_market(account(), reference, name="the venue")


async def test_a_key_that_the_venue_refuses_does_not_start() -> None:
    """An unknown key is told, with what to check."""
    async with VenueServer() as venue, asked(venue, key="other") as reference:
        with pytest.raises(PreflightError, match="does not confirm the key"):
            await confirm_account(account(), reference)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (AccountFacts(account_id="1", can_trade=True, can_withdraw=True), "CFG-141 exchange.api_key"),
        (AccountFacts(account_id="1", can_trade=False, can_withdraw=False), "a key that may not trade"),
        (AccountFacts(account_id="2", can_trade=True, can_withdraw=False), "CFG-145 exchange.account_id"),
    ],
)
async def test_a_key_with_other_rights_or_of_another_account_is_refused(
    facts: AccountFacts, told: str
) -> None:
    """A key that can withdraw, cannot trade, or is somebody else's, does not start."""
    with pytest.raises(PreflightError, match=told):
        await confirm_account(account(), Told(facts))
