"""Look from time to time whether markets are open and by which rules they trade; stop no order itself.

Venues tell neither unasked. A refused order that may mean either is a reason to look at once.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import frozen

from meva_adapters.transport.http import NotSentError
from meva_adapters.wire.fields import CodecError
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import MarketRulesChanged, MarketStatusChanged
from meva_core.model.instrument import Instrument
from meva_core.ports.clock import Clock
from meva_core.ports.market_feed import Deliver

EVERY_S: Final = 60.0
PAUSE_S: Final = 1.0  # However many orders are refused.
# What a configuration states of a market; the largest sizes it may leave out.
_CONFIGURED: Final = ("tick_size", "lot_size", "min_quantity", "min_notional")
_NO_ANSWER: Final = (CodecError, NotSentError, VenueRefusedError, VenueUnknownError)


@frozen
class Listing:
    """Hold what a venue says of one market: the *objection* to orders, empty for none, and its rules where known."""

    objection: str
    rules: Instrument | None


NOT_LISTED: Final = Listing("the venue does not list it", None)


class MarketWatch(ABC):
    """Compare what the venue lists with *instruments* every *every_s* seconds, and when `look` is called.

    Delivers `MarketStatusChanged` when a market closes or opens, and `MarketRulesChanged` when its rules are not the
    configured ones at the first look, or not those of the look before. A venue that does not answer changes
    nothing: what it said last holds.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        clock: Clock,
        note_anomaly: Callable[[str, str], None],
        every_s: float,
        pause_s: float,
    ) -> None:
        self._ours = {item.symbol: item for item in instruments}
        self._clock = clock
        self._note_anomaly = note_anomaly
        self._every_s = every_s
        self._pause_s = pause_s
        self._wake = asyncio.Event()
        self._rules: dict[str, Instrument] = {}
        self._closed: dict[str, str] = {}

    @abstractmethod
    async def _listed(self) -> Mapping[str, Listing]:
        """Return what the venue lists of our markets, by unified symbol; raise like its calls."""

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
            await self._compare(deliver)
            await asyncio.sleep(self._pause_s)
            try:
                await asyncio.wait_for(self._wake.wait(), self._every_s)
            except TimeoutError:
                continue

    async def _compare(self, deliver: Deliver) -> None:
        try:
            listed = await self._listed()
        except _NO_ANSWER as exc:
            self._note_anomaly("no_rules", f"{type(exc).__name__} {exc}"[:200])
            return
        now_ns = self._clock.now_ns()
        for symbol, configured in self._ours.items():
            found = listed.get(symbol, NOT_LISTED)
            if found.objection != self._closed.get(symbol, ""):
                self._closed[symbol] = found.objection
                reason = found.objection or "open at the venue"
                deliver(MarketStatusChanged(now_ns, symbol, not found.objection, reason))
            if found.rules is not None and self._is_news(symbol, configured, found.rules):
                deliver(MarketRulesChanged(now_ns, found.rules))

    def _is_news(self, symbol: str, configured: Instrument, rules: Instrument) -> bool:
        """Remember *rules*; return whether they are not what is known of them."""
        known, self._rules[symbol] = self._rules.get(symbol), rules
        if known is None:
            return any(_rule(configured, rule) != _rule(rules, rule) for rule in _CONFIGURED)
        return rules != known


def _rule(instrument: Instrument, rule: str) -> Any:
    value = getattr(instrument, rule)
    # One lot is the least anywhere.
    return max(value, instrument.lot_size) if rule == "min_quantity" else value
