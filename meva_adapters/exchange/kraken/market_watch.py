"""Look from time to time whether our markets are open and by which rules they trade; stop no order itself.

Kraken tells neither unasked, but for the state of the venue as a whole. A refused order that may mean either is a
reason to look at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from meva_adapters.exchange.kraken.calls import KrakenCalls
from meva_adapters.exchange.kraken.codec import KrakenPair
from meva_adapters.exchange.kraken.errors import UNKNOWN_PAIR
from meva_adapters.exchange.kraken.reference import KrakenReference
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import MarketRulesChanged, MarketStatusChanged
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import Deliver

_EVERY_S: Final = 60.0
_PAUSE_S: Final = 1.0  # However many orders are refused.
_ONLINE: Final = "online"


class KrakenMarketWatch:
    """Ask for the venue's state and the rules of *symbols* every *every_s* seconds, and when `look` is called.

    Delivers `MarketStatusChanged` when a market closes or opens, and `MarketRulesChanged` when its rules are no
    longer those of the first look. A venue that does not answer changes nothing: what it said last holds.
    """

    def __init__(
        self,
        calls: KrakenCalls,
        symbols: Iterable[str],
        *,
        every_s: float = _EVERY_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._calls = calls
        self._reference = KrakenReference(calls)
        self._symbols = tuple(symbols)
        self._every_s = every_s
        self._pause_s = pause_s
        self._wake = asyncio.Event()
        self._closed: dict[str, str] = {}
        self._rules: dict[str, Instrument] = {}
        calls.on_market_doubt = self.look

    @property
    def name(self) -> str:
        """Return `rules`."""
        return "rules"

    def look(self) -> None:
        """Look soon."""
        self._wake.set()

    async def run(self, deliver: Deliver) -> None:
        """Watch until cancelled."""
        while True:
            self._wake.clear()
            try:
                system, listed = await self._reference.status(), await self._listed()
            except (VenueRefusedError, VenueUnknownError) as exc:
                self._calls.note_anomaly("no_rules", str(exc)[:200])
            else:
                for symbol in self._symbols:
                    self._compare(symbol, system, listed.get(symbol), deliver)
            await asyncio.sleep(self._pause_s)
            try:
                await asyncio.wait_for(self._wake.wait(), self._every_s)
            except TimeoutError:
                continue

    async def _listed(self) -> dict[str, KrakenPair]:
        """Return what the venue lists of our markets; one that it does not know spoils the question for all."""
        try:
            return dict(zip(self._symbols, await self._reference.pairs(self._symbols), strict=True))
        except VenueRefusedError as exc:
            if exc.code != UNKNOWN_PAIR:
                raise
        listed = {}
        for symbol in self._symbols:
            try:
                [listed[symbol]] = await self._reference.pairs([symbol])
            except VenueRefusedError as exc:
                if exc.code != UNKNOWN_PAIR:
                    raise
        return listed

    def _compare(self, symbol: str, system: str, pair: KrakenPair | None, deliver: Deliver) -> None:
        now_ns = self._calls.clock.now_ns()
        reason = _objection(system, pair)
        if reason != self._closed.get(symbol, ""):
            self._closed[symbol] = reason
            deliver(MarketStatusChanged(now_ns, symbol, not reason, reason or "open at the venue"))
        if pair is not None and pair.instrument != self._rules.setdefault(symbol, pair.instrument):
            self._rules[symbol] = pair.instrument
            deliver(MarketRulesChanged(now_ns, pair.instrument))


def _objection(system: str, pair: KrakenPair | None) -> str:
    """Return why nothing can be ordered, or an empty text."""
    if system != _ONLINE:
        return f"the venue is in the state {system[:40]}"
    if pair is None:
        return "the venue does not list it"
    return "" if pair.status == _ONLINE else f"its status at the venue is {pair.status[:40]}"
