"""Value the account in the reporting currency, exactly, in integers; book nothing.

Money is counted in *quanta*: one quantum is `10 ** -scale` of the reporting currency, fine enough that every
asset amount times every mark is a whole number of them. A missing mark is an error, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from attrs import define

from meva_core.data.market_data_service import Market
from meva_core.errors import MissingMarkError
from meva_core.model.instrument import Instrument
from meva_core.model.money import EXACT, ZERO, decimals_of, exact


@define(eq=False)
class Holding:
    """Hold what one asset's amount is worth, and the markets that lead to the reporting currency.

    The value is *worth* times the last ticks of each market on the *route*, in quanta. One of the asset is
    *units_per_one* smallest units, and each of these is worth *factor*.
    """

    asset: str
    decimals: int
    route: tuple[Market, ...]
    units_per_one: Decimal
    factor: int = 0
    worth: int = 0

    def hold(self, amount: Decimal) -> None:
        """Take over the amount; what is finer than the smallest unit raises. Call it inside `exact()`."""
        self.worth = int((amount * self.units_per_one).to_integral_exact()) * self.factor


@define(eq=False)
class Unpriced:
    """Stand for an asset that no market leads to the reporting currency: it must not be held."""

    asset: str
    reporting_currency: str

    def hold(self, amount: Decimal) -> None:
        """Raise `MissingMarkError` unless *amount* is nothing."""
        if amount:
            raise MissingMarkError(self.asset, self.reporting_currency)


class ValuationService:
    """Know what each asset is worth by the marks of *markets*.

    Routes: an asset is valued by its market in the reporting currency, or through the quote asset of a
    market of its own that has such a market. Markets are searched in the order given.
    """

    def __init__(self, reporting_currency: str, markets: Iterable[Market]) -> None:
        listed = tuple(markets)
        self.reporting_currency = reporting_currency
        decimals = _asset_decimals(reporting_currency, [market.instrument for market in listed])
        routes = _routes(reporting_currency, listed)
        self.holdings = {
            asset: Holding(asset, decimals[asset], routes[asset], Decimal(10 ** decimals[asset]))
            for asset in sorted(routes)
        }
        self.scale = max(
            holding.decimals + sum(market.instrument.price_decimals for market in holding.route)
            for holding in self.holdings.values()
        )
        for holding in self.holdings.values():
            holding.factor = self._factor(holding)
        self._cash = self.holdings[reporting_currency]
        self._priced = tuple(holding for holding in self.holdings.values() if holding.route)
        self._direct = tuple((item, item.route[0]) for item in self._priced if len(item.route) == 1)
        self._indirect = tuple(item for item in self._priced if len(item.route) > 1)

    def set_amount(self, asset: str, amount: Decimal) -> None:
        """Take over how much of *asset* the account holds."""
        with exact():
            self.holding(asset).hold(amount)

    def holding(self, asset: str) -> Holding | Unpriced:
        """Return what takes over how much of *asset* the account holds."""
        return self.holdings.get(asset) or Unpriced(asset, self.reporting_currency)

    def equity(self) -> int:
        """Return the value of everything held, in quanta; raise `MissingMarkError` when a mark is missing."""
        total = self._cash.worth
        for holding, market in self._direct:
            worth = holding.worth
            if worth:
                ticks = market.last_ticks
                if not ticks:
                    raise MissingMarkError(holding.asset, self.reporting_currency)
                total += worth * ticks
        for holding in self._indirect:
            value = holding.worth
            if value:
                for market in holding.route:
                    value *= market.last_ticks
                if not value:
                    raise MissingMarkError(holding.asset, self.reporting_currency)
                total += value
        return total

    def is_ready(self) -> bool:
        """Return whether every asset held has its marks."""
        for holding, market in self._direct:
            if holding.worth and not market.last_ticks:
                return False
        return not self._indirect or all(
            self._has_marks(holding) for holding in self._indirect if holding.worth
        )

    def holdings_on(self, market: Market) -> tuple[Holding, tuple[Holding, ...]]:
        """Return the holding that *market* alone values, and those that it values together with another.

        Where it alone values none, the first is a holding of nothing.
        """
        concerned = [holding for holding in self._priced if market in holding.route]
        nothing = Holding("", 0, (market,), ZERO)
        own = next((holding for holding in concerned if len(holding.route) == 1), nothing)
        return own, tuple(holding for holding in concerned if len(holding.route) > 1)

    def has_price(self, asset: str) -> bool:
        """Return whether *asset* can be valued now."""
        holding = self.holdings.get(asset)
        return holding is not None and self._has_marks(holding)

    def refusal_of(self, asset: str, amount: Decimal) -> str:
        """Return why the account could not hold *amount* of *asset*, empty when it could; marks are not asked for."""
        holding = self.holdings.get(asset)
        if holding is None:
            return f"no configured market leads from {asset} to {self.reporting_currency}"
        if not amount.is_finite() or decimals_of(amount) > holding.decimals:
            return f"{amount} is no amount of {asset}: it has {holding.decimals} decimals"
        return ""

    def price_of(self, asset: str) -> Decimal:
        """Return what one unit of *asset* is worth in the reporting currency."""
        holding = self.holdings.get(asset)
        if holding is None:
            raise MissingMarkError(asset, self.reporting_currency)
        price = Decimal(1)
        for market in holding.route:
            if not market.last_ticks:
                raise MissingMarkError(asset, self.reporting_currency)
            price = EXACT.multiply(price, market.mark)
        return price

    def quanta(self, amount: Decimal) -> int:
        """Return *amount* of the reporting currency in quanta; what is finer than a quantum raises."""
        return int(EXACT.to_integral_exact(amount.scaleb(self.scale, EXACT)))

    def amount(self, quanta: int) -> Decimal:
        """Return *quanta* in the reporting currency."""
        return Decimal(quanta).scaleb(-self.scale, EXACT) if quanta else ZERO

    def _has_marks(self, holding: Holding) -> bool:
        return all(market.last_ticks for market in holding.route)

    def _factor(self, holding: Holding) -> int:
        factor: int = 10 ** (self.scale - holding.decimals)
        for market in holding.route:
            tick_size = market.instrument.tick_size
            digits = decimals_of(tick_size)
            factor = factor // 10**digits * int(tick_size.scaleb(digits, EXACT))
        return factor


def _asset_decimals(reporting_currency: str, instruments: Iterable[Instrument]) -> dict[str, int]:
    """Return how many decimals amounts of each asset can have: its own, or those of price times quantity."""
    decimals = {reporting_currency: 8}
    for item in instruments:
        product = item.price_decimals + item.quantity_decimals
        decimals[item.base] = max(decimals.get(item.base, 0), item.asset_decimals, item.quantity_decimals)
        decimals[item.quote] = max(decimals.get(item.quote, 0), item.asset_decimals, product)
    return decimals


def _routes(reporting_currency: str, markets: tuple[Market, ...]) -> dict[str, tuple[Market, ...]]:
    routes: dict[str, tuple[Market, ...]] = {reporting_currency: ()}
    for market in markets:
        instrument = market.instrument
        if instrument.quote == reporting_currency and instrument.base not in routes:
            routes[instrument.base] = (market,)
    direct = dict(routes)
    for market in markets:
        instrument = market.instrument
        if instrument.base not in routes and instrument.quote in direct:
            routes[instrument.base] = (market, *direct[instrument.quote])
    return routes
