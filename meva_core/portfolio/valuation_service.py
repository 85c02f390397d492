"""Value the account in the reporting currency, exactly, in integers; book nothing.

Money is counted in *quanta*: one quantum is `10 ** -scale` of the reporting currency, fine enough that every
asset amount times every mark is a whole number of them. A missing mark is an error, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from attrs import define

from meva_core.errors import MissingMarkError
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, ZERO, decimals_of


@define(eq=False)
class Mark:
    """Hold the last mark of one symbol, in ticks; 0 stands for "none yet"."""

    symbol: str
    tick_size: Decimal
    ticks: int = 0

    @property
    def price(self) -> Decimal:
        """Return the mark in the quote asset."""
        return EXACT.multiply(self.tick_size, self.ticks)


@define(eq=False)
class Holding:
    """Hold one asset's amount in its smallest unit, and the marks that lead to the reporting currency.

    Its value is `units * factor * ticks of each mark` quanta.
    """

    asset: str
    decimals: int
    route: tuple[Mark, ...]
    factor: int = 0
    units: int = 0

    def value(self) -> int:
        """Return the value in quanta; raise `MissingMarkError` when a mark on the route is missing."""
        value = self.units * self.factor
        for mark in self.route:
            if not mark.ticks and self.units:
                raise MissingMarkError(self.asset, self.route[-1].symbol.partition("/")[2])
            value *= mark.ticks
        return value


class ValuationService:
    """Know the marks and what each asset is worth.

    Routes: an asset is valued by its market in the reporting currency, or through the quote asset of a
    market of its own that has such a market. Instruments are searched in the order given.
    """

    def __init__(self, reporting_currency: str, instruments: Iterable[Instrument]) -> None:
        listed = tuple(instruments)
        self.reporting_currency = reporting_currency
        self.marks = {item.symbol: Mark(item.symbol, item.tick_size) for item in listed}
        decimals = _asset_decimals(reporting_currency, listed)
        routes = _routes(reporting_currency, listed, self.marks)
        self.holdings = {asset: Holding(asset, decimals[asset], routes[asset]) for asset in sorted(routes)}
        self.scale = max(
            holding.decimals + sum(decimals_of(mark.tick_size) for mark in holding.route)
            for holding in self.holdings.values()
        )
        for holding in self.holdings.values():
            holding.factor = self._factor(holding)
        self._valued = tuple(self.holdings.values())

    def set_amount(self, asset: str, amount: Decimal) -> None:
        """Take over how much of *asset* the account holds."""
        holding = self.holdings.get(asset)
        if holding is None:
            if amount:
                raise MissingMarkError(asset, self.reporting_currency)
            return
        holding.units = int(EXACT.to_integral_exact(amount.scaleb(holding.decimals, EXACT)))

    def equity(self) -> int:
        """Return the value of everything held, in quanta."""
        return sum(holding.value() for holding in self._valued)

    def is_ready(self) -> bool:
        """Return whether every asset held has its marks."""
        return all(mark.ticks for holding in self._valued if holding.units for mark in holding.route)

    def per_tick(self, symbol: str) -> tuple[int, bool]:
        """Return (quanta by which one tick of *symbol* moves the equity, whether that stays constant)."""
        total, constant = 0, True
        for holding in self._valued:
            names = [mark.symbol for mark in holding.route]
            if holding.units and symbol in names:
                others = [mark.ticks for mark in holding.route if mark.symbol != symbol]
                constant = constant and not others
                step = holding.units * holding.factor
                for ticks in others:
                    step *= ticks
                total += step
        return total, constant

    def price_of(self, asset: str) -> Decimal:
        """Return what one unit of *asset* is worth in the reporting currency."""
        holding = self.holdings.get(asset)
        if holding is None:
            raise MissingMarkError(asset, self.reporting_currency)
        price = Decimal(1)
        for mark in holding.route:
            if not mark.ticks:
                raise MissingMarkError(asset, self.reporting_currency)
            price = EXACT.multiply(price, mark.price)
        return price

    def quanta(self, amount: Decimal) -> int:
        """Return *amount* of the reporting currency in quanta; what is finer than a quantum raises."""
        return int(EXACT.to_integral_exact(amount.scaleb(self.scale, EXACT)))

    def amount(self, quanta: int) -> Decimal:
        """Return *quanta* in the reporting currency."""
        return Decimal(quanta).scaleb(-self.scale, EXACT) if quanta else ZERO

    def _factor(self, holding: Holding) -> int:
        factor = 10 ** (self.scale - holding.decimals)
        for mark in holding.route:
            digits = decimals_of(mark.tick_size)
            factor = factor // 10**digits * int(mark.tick_size.scaleb(digits, EXACT))
        return factor


def _asset_decimals(reporting_currency: str, instruments: tuple[Instrument, ...]) -> dict[str, int]:
    """Return how many decimals amounts of each asset can have: its own, or those of price times quantity."""
    decimals = {reporting_currency: 8}
    for item in instruments:
        product = item.price_decimals + item.quantity_decimals
        decimals[item.base] = max(decimals.get(item.base, 0), item.asset_decimals, item.quantity_decimals)
        decimals[item.quote] = max(decimals.get(item.quote, 0), item.asset_decimals, product)
    return decimals


def _routes(
    reporting_currency: str, instruments: tuple[Instrument, ...], marks: dict[str, Mark]
) -> dict[str, tuple[Mark, ...]]:
    routes: dict[str, tuple[Mark, ...]] = {reporting_currency: ()}
    for item in instruments:
        if item.quote == reporting_currency and item.base not in routes:
            routes[item.base] = (marks[item.symbol],)
    direct = dict(routes)
    for item in instruments:
        if item.base not in routes and item.quote in direct:
            routes[item.base] = (marks[item.symbol], *direct[item.quote])
    return routes
