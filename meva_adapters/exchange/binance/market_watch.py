"""Look from time to time whether our markets are open and their rules still ours; stop no order itself.

Binance tells neither unasked. A refused order that may mean either is a reason to look at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import orjson

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.reference import read_instrument
from meva_adapters.transport.http import NotSentError
from meva_adapters.wire.fields import CodecError, row_of, rows_of, text
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import MarketStatusChanged
from meva_core.model.instrument import Instrument
from meva_core.model.money import plain
from meva_core.ports.market_feed import Deliver

_EVERY_S: Final = 60.0  # A third of a per cent of the request weight of a minute.
_PAUSE_S: Final = 1.0  # However many orders are refused.
_WEIGHT: Final = 20
_INVALID_SYMBOL: Final = "-1121"
_TRADING: Final = "TRADING"
_OURS: Final = ("tick_size", "lot_size", "min_quantity", "min_notional")
# The configuration need not name these, so they are compared with what the venue said first.
_FIRST: Final = ("max_quantity", "max_notional")


class BinanceMarketWatch:
    """Compare the venue's `exchangeInfo` with *instruments* every *every_s* seconds, and when `look` is called.

    Delivers `MarketStatusChanged` when a market closes, opens, or is listed under other rules than ours. A venue
    that does not answer changes nothing: what it said last holds.
    """

    def __init__(
        self,
        calls: BinanceCalls,
        instruments: Iterable[Instrument],
        *,
        every_s: float = _EVERY_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._calls = calls
        self._ours = {venue_symbol(item.symbol): item for item in instruments}
        self._every_s = every_s
        self._pause_s = pause_s
        self._wake = asyncio.Event()
        self._first: dict[str, Instrument] = {}
        self._closed: dict[str, str] = {}
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
            await self._compare(deliver)
            await asyncio.sleep(self._pause_s)
            try:
                await asyncio.wait_for(self._wake.wait(), self._every_s)
            except TimeoutError:
                continue

    async def _compare(self, deliver: Deliver) -> None:
        try:
            listed = await self._listed()
        except (CodecError, NotSentError, VenueRefusedError, VenueUnknownError) as exc:
            self._calls.note_anomaly("no_rules", f"{type(exc).__name__} {exc}"[:200])
            return
        now_ns = self._calls.clock.now_ns()
        for name, instrument in self._ours.items():
            reason = self._objection(name, instrument, listed.get(name))
            if reason == self._closed.get(name, ""):
                continue
            self._closed[name] = reason
            deliver(
                MarketStatusChanged(
                    now_ns, instrument.symbol, not reason, reason or "open, under the rules that we know"
                )
            )

    async def _listed(self) -> dict[str, dict[str, Any]]:
        """Return what the venue lists of our markets, each by its name there."""
        try:
            return await self._asked(tuple(self._ours))
        except VenueRefusedError as exc:
            if exc.code != _INVALID_SYMBOL:
                raise
        listed: dict[
            str, dict[str, Any]
        ] = {}  # One of them is unknown there; the others are asked for alone.
        for name in self._ours:
            try:
                listed |= await self._asked((name,))
            except VenueRefusedError as exc:
                if exc.code != _INVALID_SYMBOL:
                    raise
        return listed

    async def _asked(self, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        parameters = [("symbols", orjson.dumps(names).decode())]
        data = await self._calls.public("/api/v3/exchangeInfo", parameters, weight=_WEIGHT)
        return {text(row, "symbol"): row for row in rows_of(row_of(data).get("symbols"))}

    def _objection(self, name: str, ours: Instrument, row: dict[str, Any] | None) -> str:
        """Return why nothing can be ordered, or an empty text."""
        if row is None:
            return "the venue does not list it"
        try:
            status, theirs = text(row, "status"), read_instrument(ours.symbol, row)
        except CodecError as exc:
            return f"its rules cannot be read: {exc.problem}"
        if status != _TRADING:
            return f"its status at the venue is {status[:40]}"
        first = self._first.setdefault(name, theirs)
        changed = [rule for rule in _OURS if _rule(ours, rule) != _rule(theirs, rule)]
        changed += [rule for rule in _FIRST if getattr(first, rule) != getattr(theirs, rule)]
        said = ", ".join(f"{rule} {_told(getattr(theirs, rule))}" for rule in changed)
        return f"its rules are not the configured ones any more: the venue says {said}" if said else ""


def _rule(instrument: Instrument, rule: str) -> Any:
    value = getattr(instrument, rule)
    return (
        max(value, instrument.lot_size) if rule == "min_quantity" else value
    )  # One lot is the least anywhere.


def _told(value: Any) -> str:
    return "unlimited" if value is None else plain(value)
