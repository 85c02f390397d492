"""Ask Binance what must be known before trading: rules, clock, account; change nothing there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import orjson

from meva_adapters.exchange.binance.calls import VENUE, BinanceCalls
from meva_adapters.exchange.binance.codec import read_balances
from meva_adapters.transport.http import NotSentError
from meva_adapters.wire.fields import CodecError, amount, flag, row_of, rows_of, text, whole
from meva_adapters.wire.symbols import venue_symbol
from meva_core.errors import VenueUnknownError
from meva_core.events import ClockMeasured
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, ZERO, plain
from meva_core.ports.exchange import AccountFacts, AccountOpening

_TRADES_WEIGHT: Final = 20


class BinanceReference:
    """Ask through *calls*. Nothing runs yet, so failures are errors."""

    def __init__(self, calls: BinanceCalls) -> None:
        self._calls = calls

    async def instruments(self, symbols: Sequence[str]) -> tuple[Instrument, ...]:
        """Return the venue's own rules of the unified *symbols*, in their order."""
        names = orjson.dumps([venue_symbol(symbol) for symbol in symbols]).decode()
        try:
            data = await self._calls.public("/api/v3/exchangeInfo", [("symbols", names)], weight=20)
            listed = {text(row, "symbol"): row for row in rows_of(row_of(data).get("symbols"))}
            return tuple(read_instrument(symbol, listed.get(venue_symbol(symbol))) for symbol in symbols)
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "exchangeInfo", str(exc)) from exc

    async def measure_clock(self) -> ClockMeasured:
        """Compare the venue's clock with ours."""
        try:
            return await self._calls.measure_clock()
        except NotSentError as exc:
            raise VenueUnknownError(VENUE, "time", str(exc)) from exc

    async def account_facts(self) -> AccountFacts:
        """Return what the venue says of our account; the right to withdraw is the account's."""
        try:
            data = row_of(await self._calls.signed("GET", "/api/v3/account", [], weight=20))
            return AccountFacts(
                account_id=str(whole(data, "uid")),
                can_trade=flag(data, "canTrade"),
                can_withdraw=flag(data, "canWithdraw"),
            )
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "account", str(exc)) from exc

    async def opening(self, symbols: Sequence[str]) -> AccountOpening:
        """Return where the account stands: trades are asked for first, so that none is in neither."""
        trades: dict[str, str] = {}
        try:
            for symbol in symbols:
                parameters = [("symbol", venue_symbol(symbol)), ("limit", "1")]
                data = await self._calls.signed("GET", "/api/v3/myTrades", parameters, weight=_TRADES_WEIGHT)
                for row in rows_of(data):
                    trades[symbol] = str(whole(row_of(row), "id"))
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "myTrades", str(exc)) from exc
        return AccountOpening(balances=await self.balances(), trades=trades)

    async def balances(self) -> dict[str, Decimal]:
        """Return what the account holds, free and locked together, by asset."""
        try:
            data = await self._calls.signed(
                "GET", "/api/v3/account", [("omitZeroBalances", "true")], weight=20
            )
            return {asset: EXACT.add(free, locked) for asset, free, locked in read_balances(data)}
        except (CodecError, NotSentError) as exc:
            raise VenueUnknownError(VENUE, "account", str(exc)) from exc


def read_instrument(symbol: str, data: Any) -> Instrument:
    """Read one symbol of `exchangeInfo`; raise `CodecError` where its grid is missing."""
    row = row_of(data)
    filters = {text(rule, "filterType"): rule for rule in rows_of(row.get("filters"))}
    price, lot = row_of(filters.get("PRICE_FILTER")), row_of(filters.get("LOT_SIZE"))
    notional: Mapping[str, Any] = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return Instrument(
        symbol=symbol,
        base=text(row, "baseAsset"),
        quote=text(row, "quoteAsset"),
        tick_size=_step(price, "tickSize"),
        lot_size=_step(lot, "stepSize"),
        min_quantity=_short(amount(lot, "minQty")),
        max_quantity=_limit(lot, "maxQty"),
        min_notional=_short(amount(notional, "minNotional")) if notional else ZERO,
        max_notional=_limit(notional, "maxNotional") if "maxNotional" in notional else None,
        asset_decimals=whole(row, "baseAssetPrecision"),
    )


def _step(rule: Mapping[str, Any], name: str) -> Decimal:
    step = _short(amount(rule, name))
    if step <= 0:
        raise CodecError(f"{name} is switched off, and there is no grid without it")
    return step


def _limit(rule: Mapping[str, Any], name: str) -> Decimal | None:
    return _short(amount(rule, name)) or None


def _short(value: Decimal) -> Decimal:
    return Decimal(plain(value.normalize()))
