"""Ask through ccxt what must be known before trading: rules and clock; change nothing there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from meva_adapters.exchange.ccxt.reading import ReadingError
from meva_adapters.exchange.ccxt.wire import CcxtWire
from meva_adapters.transport.http import NotSentError
from meva_core.errors import NotSupported, VenueRefusedError, VenueUnknownError
from meva_core.events import ClockMeasured
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS
from meva_core.model.money import ZERO
from meva_core.ports.exchange import AccountFacts

_DECIMAL_PLACES = (
    2  # ccxt's name for "precision counts decimals"; the other in use, 4, is "precision is a step".
)
_TICK_SIZE = 4


class CcxtReference:
    """Ask through *wire*. Nothing runs yet, so failures are errors."""

    def __init__(self, wire: CcxtWire) -> None:
        self._wire = wire
        self._client: Any = wire.client

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Return the exchange's own rules of the unified *symbols*, in their order."""
        venue = self._wire.venue
        try:
            markets = await self._wire.call("markets", lambda: self._client.load_markets(True))
            for symbol in symbols:
                if symbol not in markets:
                    raise VenueRefusedError(venue, "BadSymbol", f"it lists no market {symbol}")
            return tuple(self._instrument(symbol, markets[symbol]) for symbol in symbols)
        except (ReadingError, NotSentError) as exc:
            raise VenueUnknownError(venue, "markets", str(exc)) from exc

    async def measure_clock(self) -> ClockMeasured:
        """Compare the exchange's clock with ours; half of the round trip is the error."""
        clock = self._wire.clock
        asked_ns = clock.now_ns()
        try:
            server_ms: Any = await self._wire.call("time", self._client.fetch_time)
        except NotSentError as exc:
            raise VenueUnknownError(self._wire.venue, "time", str(exc)) from exc
        heard_ns = clock.now_ns()
        if type(server_ms) is not int:
            raise VenueUnknownError(self._wire.venue, "time", "the answer is no whole number")
        return ClockMeasured(heard_ns, server_ms * NS_PER_MS - (asked_ns + heard_ns) // 2)

    async def account_facts(self) -> AccountFacts:
        """Raise `NotSupported`: ccxt has no common word for what a key may do. See to it that it cannot withdraw."""
        raise NotSupported("account facts", ("rules", "clock"))

    def _instrument(self, symbol: str, market: Mapping[str, Any]) -> Instrument:
        precision, limits = market["precision"], market["limits"]
        return Instrument(
            symbol=symbol,
            base=market["base"],
            quote=market["quote"],
            tick_size=self._step(precision["price"]),
            lot_size=self._step(precision["amount"]),
            min_quantity=_limit(limits, "amount", "min") or ZERO,
            max_quantity=_limit(limits, "amount", "max"),
            min_notional=_limit(limits, "cost", "min") or ZERO,
            max_notional=_limit(limits, "cost", "max"),
        )

    def _step(self, precision: Any) -> Decimal:
        meaning = self._client.precisionMode
        if precision is None or meaning not in (_DECIMAL_PLACES, _TICK_SIZE):
            raise ReadingError(f"{self._wire.venue} names no grid (ccxt's precisionMode is {meaning})")
        step = Decimal(str(precision))
        return step if meaning == _TICK_SIZE else Decimal(1).scaleb(-int(step))


def _limit(limits: Mapping[str, Any], kind: str, end: str) -> Decimal | None:
    value = (limits.get(kind) or {}).get(end)
    return Decimal(str(value)) if value else None
