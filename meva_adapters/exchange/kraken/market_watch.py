"""Ask Kraken whether our markets are open and by which rules they trade; compare nothing.

The venue tells neither unasked, but for its state as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair
from meva_adapters.exchange.kraken.errors import UNKNOWN_PAIR
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_adapters.transport.market_watch import EVERY_S, NOT_LISTED, PAUSE_S, Listing, MarketWatch
from meva_core.errors import VenueRefusedError
from meva_core.model.instrument import Instrument

_ONLINE: Final = "online"


class KrakenMarketWatch(MarketWatch):
    """Look at the venue's state and at its pairs."""

    def __init__(
        self,
        calls: KrakenCalls,
        instruments: Iterable[Instrument],
        *,
        every_s: float = EVERY_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        super().__init__(
            instruments,
            clock=calls.clock,
            note_anomaly=calls.note_anomaly,
            every_s=every_s,
            pause_s=pause_s,
        )
        self._reference = KrakenReference(calls)
        calls.on_market_doubt = self.look

    async def _listed(self) -> Mapping[str, Listing]:
        """Return what the venue lists; one symbol that it does not know spoils the question for all."""
        system, symbols = await self._reference.status(), tuple(self._ours)
        try:
            pairs = await self._reference.pairs(symbols)
        except VenueRefusedError as exc:
            if exc.code != UNKNOWN_PAIR:
                raise
            alone = [await self._asked_alone(symbol) for symbol in symbols]
            pairs = tuple(pair for found in alone for pair in found)
        known = {pair.instrument.symbol: pair for pair in pairs}
        return {symbol: _read(system, known.get(symbol)) for symbol in symbols}

    async def _asked_alone(self, symbol: str) -> tuple[KrakenPair, ...]:
        try:
            return await self._reference.pairs([symbol])
        except VenueRefusedError as exc:
            if exc.code != UNKNOWN_PAIR:
                raise
            return ()


def _read(system: str, pair: KrakenPair | None) -> Listing:
    rules = None if pair is None else pair.instrument
    if system != _ONLINE:
        return Listing(f"the venue is in the state {system[:40]}", rules)
    if pair is None:
        return NOT_LISTED
    return Listing("" if pair.status == _ONLINE else f"its status at the venue is {pair.status[:40]}", rules)
