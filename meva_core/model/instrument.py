"""Define what is traded: grid, limits, and the exact conversion between the grid and Decimal."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen

from meva_core.errors import OffGridError
from meva_core.model.money import EXACT, ZERO, decimals_of, whole_steps


def _positive(_instance: object, attribute: object, value: Decimal) -> None:
    if not value.is_finite() or value <= 0:
        raise OffGridError("instrument", getattr(attribute, "name", "step"), value, "a positive number")


@frozen
class Instrument:
    """Describe one spot market on its integer grid.

    *symbol* is in unified form (`BTC/USDT`). Prices are whole multiples of *tick_size* in *quote*,
    quantities whole multiples of *lot_size* in *base*. A limit of zero (or `None`) is switched off.
    """

    symbol: str
    base: str
    quote: str
    tick_size: Decimal = field(validator=_positive)
    lot_size: Decimal = field(validator=_positive)
    min_quantity: Decimal = ZERO
    max_quantity: Decimal | None = None
    min_notional: Decimal = ZERO
    max_notional: Decimal | None = None
    # Amounts of an asset carry at most this many decimals (Binance spot: 8, see its exchangeInfo).
    asset_decimals: int = 8

    @property
    def price_decimals(self) -> int:
        """Return how many decimals a price on the grid needs."""
        return decimals_of(self.tick_size)

    @property
    def quantity_decimals(self) -> int:
        """Return how many decimals a quantity on the grid needs."""
        return decimals_of(self.lot_size)

    def has_grid_of(self, other: Instrument) -> bool:
        """Return whether prices and quantities have the same steps as *other*'s."""
        return (self.tick_size, self.lot_size) == (other.tick_size, other.lot_size)

    def price(self, ticks: int) -> Decimal:
        """Return the price of *ticks*, in the quote asset."""
        return EXACT.multiply(self.tick_size, ticks)

    def quantity(self, lots: int) -> Decimal:
        """Return the quantity of *lots*, in the base asset."""
        return EXACT.multiply(self.lot_size, lots)

    def ticks(self, price: Decimal) -> int:
        """Return *price* in ticks; raise `OffGridError` when it lies between two ticks."""
        return whole_steps(price, self.tick_size, symbol=self.symbol, name="price")

    def lots(self, quantity: Decimal) -> int:
        """Return *quantity* in lots; raise `OffGridError` when it lies between two lots."""
        return whole_steps(quantity, self.lot_size, symbol=self.symbol, name="quantity")


def split_symbol(symbol: str) -> tuple[str, str]:
    """Return base and quote of a unified symbol such as `BTC/USDT`."""
    base, slash, quote = symbol.partition("/")
    if not (base and slash and quote):
        raise OffGridError(symbol, "symbol", symbol, "BASE/QUOTE")
    return base, quote
