"""Decide what a simulated venue charges for a fill, and in which asset; pay nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from meva_core.errors import ConfigError
from meva_core.model.fill import Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, quantise_up, round_up

RECEIVED: Final = "received"
QUOTE: Final = "quote"
BASE: Final = "base"

_BPS_PER_UNIT: Final = 10_000
_BPS: Final = Decimal("0.0001")
_ONE: Final = Decimal(1)

# Return the price of the first asset in the second, or None while no market has shown one.
PriceOf = Callable[[str, str], Decimal | None]


def _rate(_instance: object, attribute: object, value: Decimal) -> None:
    if not value.is_finite() or not 0 <= value < _BPS_PER_UNIT:
        name = getattr(attribute, "name", "fee")
        raise ConfigError(
            (f"fees.{name}: got {value}. Expected basis points from 0 to below {_BPS_PER_UNIT}.",)
        )


@frozen
class FeeSchedule:
    """Charge a share of each fill, in the received, quote or base asset or in a third one such as `BNB`.

    A fee is rounded up to the instrument's `asset_decimals`. It never exceeds what the fill received. Where
    the asset has no price in the quote asset yet, or too little of it is free, the received asset pays, as
    Binance does when the BNB for its discount runs out.
    """

    maker_bps: Decimal = field(validator=_rate)
    taker_bps: Decimal = field(validator=_rate)
    paid_in: str = RECEIVED


class MarketFees:
    """Apply a fee schedule to one market. *free* tells what may pay after the fill itself is settled."""

    def __init__(
        self,
        schedule: FeeSchedule,
        instrument: Instrument,
        *,
        free: Callable[[str], Decimal],
        price_of: PriceOf,
    ) -> None:
        self._base, self._quote = instrument.base, instrument.quote
        named = {RECEIVED: None, QUOTE: self._quote, BASE: self._base}
        self._asset: str | None = named.get(schedule.paid_in, schedule.paid_in)
        self._rates = {
            Liquidity.MAKER: EXACT.multiply(schedule.maker_bps, _BPS),
            Liquidity.TAKER: EXACT.multiply(schedule.taker_bps, _BPS),
        }
        self._step = EXACT.scaleb(_ONE, -instrument.asset_decimals)
        self._free = free
        self._price_of = price_of

    def charge(
        self, *, is_buy: bool, quantity: Decimal, notional: Decimal, liquidity: Liquidity
    ) -> tuple[Decimal, str]:
        """Return the fee of *quantity* base against *notional* quote, and the asset that pays it.

        Call it inside `exact()`.
        """
        rate = self._rates[liquidity]
        asset = self._asset
        received, received_asset = (quantity, self._base) if is_buy else (notional, self._quote)
        if asset is not None and asset != received_asset:
            fee = self._fee_in(asset, rate, quantity=quantity, notional=notional)
            if fee is not None and fee <= self._free(asset):
                return fee, asset
        fee = round_up(received * rate, self._step)
        if fee > received:
            fee = received
        return fee, received_asset

    def _fee_in(self, asset: str, rate: Decimal, *, quantity: Decimal, notional: Decimal) -> Decimal | None:
        if asset == self._base:
            return round_up(quantity * rate, self._step)
        due = notional * rate
        if asset == self._quote:
            return round_up(due, self._step)
        price = self._price_of(asset, self._quote)
        if price is None:
            return None
        # Rounded in steps of the asset at its price, so that the division leaves nothing over.
        return EXACT.divide(quantise_up(due, EXACT.multiply(price, self._step)), price)
