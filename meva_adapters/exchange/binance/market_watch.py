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
from meva_core.events import MarketRulesChanged, MarketStatusChanged
from meva_core.model.instrument import Instrument
from meva_core.ports.market_feed import Deliver

_EVERY_S: Final = 60.0  # A third of a per cent of the request weight of a minute.
_PAUSE_S: Final = 1.0  # However many orders are refused.
_WEIGHT: Final = 20
_INVALID_SYMBOL: Final = "-1121"
_TRADING: Final = "TRADING"
# What a configuration states of a market; the largest sizes it may leave out.
_CONFIGURED: Final = ("tick_size", "lot_size", "min_quantity", "min_notional")


class BinanceMarketWatch:
    """Compare the venue's `exchangeInfo` with *instruments* every *every_s* seconds, and when `look` is called.

    Delivers `MarketStatusChanged` when a market closes or opens, and `MarketRulesChanged` when its rules are not the
    configured ones at the first look, or not those of the look before. A venue that does not answer changes
    nothing: what it said last holds.
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
        self._rules: dict[str, Instrument] = {}
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
        for name, configured in self._ours.items():
            reason, rules = _read(configured.symbol, listed.get(name))
            if reason != self._closed.get(name, ""):
                self._closed[name] = reason
                deliver(
                    MarketStatusChanged(now_ns, configured.symbol, not reason, reason or "open at the venue")
                )
            if rules is not None and self._is_news(name, configured, rules):
                deliver(MarketRulesChanged(now_ns, rules))

    def _is_news(self, name: str, configured: Instrument, rules: Instrument) -> bool:
        """Remember *rules*; return whether they are not what is known of them."""
        known, self._rules[name] = self._rules.get(name), rules
        if known is None:
            return any(_rule(configured, rule) != _rule(rules, rule) for rule in _CONFIGURED)
        return rules != known

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


def _read(symbol: str, row: dict[str, Any] | None) -> tuple[str, Instrument | None]:
    """Return why nothing can be ordered, or an empty text, and the rules where they can be read."""
    if row is None:
        return "the venue does not list it", None
    try:
        status, rules = text(row, "status"), read_instrument(symbol, row)
    except CodecError as exc:
        return f"its rules cannot be read: {exc.problem}", None
    return "" if status == _TRADING else f"its status at the venue is {status[:40]}", rules


def _rule(instrument: Instrument, rule: str) -> Any:
    value = getattr(instrument, rule)
    return (
        max(value, instrument.lot_size) if rule == "min_quantity" else value
    )  # One lot is the least anywhere.
