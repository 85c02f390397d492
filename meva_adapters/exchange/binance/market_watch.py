"""Ask Binance whether our markets are open and their rules still ours; compare nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from meva_adapters.exchange.binance.calls import BinanceCalls
from meva_adapters.exchange.binance.reference import read_instrument
from meva_adapters.transport.market_watch import EVERY_S, NOT_LISTED, PAUSE_S, Listing, MarketWatch
from meva_adapters.wire.fields import CodecError, row_of, rows_of, text
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueRefusedError
from meva_core.model.instrument import Instrument

_WEIGHT: Final = 20  # Once a minute, a third of a per cent of the request weight of a minute.
_INVALID_SYMBOL: Final = "-1121"
_TRADING: Final = "TRADING"


class BinanceMarketWatch(MarketWatch):
    """Look at the venue's `exchangeInfo`."""

    def __init__(
        self,
        calls: BinanceCalls,
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
        self._calls = calls
        calls.on_market_doubt = self.look

    async def _listed(self) -> Mapping[str, Listing]:
        """Return what the venue lists; one symbol that it does not know spoils the question for all."""
        names = {venue_symbol(symbol): symbol for symbol in self._ours}
        try:
            rows = await self._asked(tuple(names))
        except VenueRefusedError as exc:
            if exc.code != _INVALID_SYMBOL:
                raise
            rows = {}
            for name in names:
                rows |= await self._asked_alone(name)
        return {symbol: _read(symbol, rows.get(name)) for name, symbol in names.items()}

    async def _asked_alone(self, name: str) -> dict[str, dict[str, Any]]:
        try:
            return await self._asked((name,))
        except VenueRefusedError as exc:
            if exc.code != _INVALID_SYMBOL:
                raise
            return {}

    async def _asked(self, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        parameters = [("symbols", orjson.dumps(names).decode())]
        data = await self._calls.public("/api/v3/exchangeInfo", parameters, weight=_WEIGHT)
        return {text(row, "symbol"): row for row in rows_of(row_of(data).get("symbols"))}


def _read(symbol: str, row: dict[str, Any] | None) -> Listing:
    if row is None:
        return NOT_LISTED
    try:
        status, rules = text(row, "status"), read_instrument(symbol, row)
    except CodecError as exc:
        return Listing(f"its rules cannot be read: {exc.problem}", None)
    return Listing("" if status == _TRADING else f"its status at the venue is {status[:40]}", rules)
