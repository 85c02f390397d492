"""Turn fills into balances, positions and profit and loss, by average cost; judge no risk.

Every asset but the reporting currency is an inventory with a cost in the reporting currency. A trade takes one
inventory down and another up at the value of the trade, a fee takes one down at its mark. Hence, exactly:
`equity - equity at start == realized + unrealized - fees + transfers` (invariant I10).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import define

from meva_core.errors import InvariantError
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.state import AssetBalance, CanonicalState, Position
from meva_core.model.value import value
from meva_core.portfolio.average_cost import Inventory, change
from meva_core.portfolio.valuation_service import ValuationService

_ONE: Final = Decimal(1)


@value
class PnLUpdate:
    """Tell what one fill did, in the reporting currency."""

    realized: Decimal
    fee_value: Decimal
    notional_value: Decimal
    closed_quantity: Decimal


@define
class PnLTotals:
    """Sum what has happened since the start, in the reporting currency."""

    realized: Decimal = ZERO
    fees: Decimal = ZERO
    transfers: Decimal = ZERO


class PnLService:
    """Keep inventories and write balances, positions and pnl of the canonical state."""

    def __init__(self, valuation: ValuationService, instruments: dict[str, Instrument]) -> None:
        self._valuation = valuation
        self._instruments = instruments
        self._reporting = valuation.reporting_currency
        self.inventories: dict[str, Inventory] = {}
        self._is_open = False
        self.totals = PnLTotals()

    def open_balance(self, asset: str, amount: Decimal, state: CanonicalState) -> None:
        """Take over an opening balance; its cost is its value at the first marks (see `cost_openings`)."""
        state.balances[asset] = AssetBalance(asset, amount)
        self._valuation.set_amount(asset, amount)
        if asset != self._reporting:
            self.inventories[asset] = Inventory(amount)

    def cost_openings(self) -> None:
        """Give what is held its cost, once, when every mark is known."""
        for asset, inventory in self.inventories.items():
            if inventory.quantity:
                inventory.cost = inventory.quantity * self._valuation.price_of(asset)
        self._is_open = True

    def update_from_fill(self, fill: Fill, state: CanonicalState) -> PnLUpdate:
        """Book *fill*: balances, position, inventories, fees. Call it inside `exact()`, once per fill."""
        instrument = self._instruments[fill.symbol]
        base, quote, fee, fee_asset = instrument.base, instrument.quote, fill.fee, fill.fee_asset
        quantity = fill.quantity if fill.side is Side.BUY else -fill.quantity
        notional = fill.price * quantity
        quote_price = _ONE if quote == self._reporting else self._valuation.price_of(quote)
        value = notional * quote_price
        fee_value = self._fee_value(fill, instrument, quote_price) if fee else ZERO

        # A fee in what was just bought is part of the purchase: it never enters the inventory.
        net, cost, realized = quantity, notional, ZERO
        if fee_asset == base:
            net -= fee
            cost -= fee * fill.price
            realized += self._move(base, net, value - fee_value)
            realized += self._move(quote, -notional, -value)
            self._credit(state, base, net)
            self._credit(state, quote, -notional)
        else:
            realized += self._move(base, net, value)
            realized += self._move(quote, -notional, -value)
            self._credit(state, base, net)
            if fee_asset == quote:
                realized += self._move(quote, -fee, -fee_value)
                self._credit(state, quote, -notional - fee)
            else:
                realized += self._move(fee_asset, -fee, -fee_value)
                self._credit(state, quote, -notional)
                self._credit(state, fee_asset, -fee)
        closed = self._move_position(state, fill.symbol, net, cost)
        self.totals.realized += realized
        self.totals.fees += fee_value
        return PnLUpdate(realized, fee_value, abs(value), closed)

    def record_transfer(self, asset: str, amount: Decimal, state: CanonicalState) -> Decimal:
        """Book money that entered or left the account, and return its value in the reporting currency.

        What comes before the openings are costed is part of them, and no transfer of any value yet.
        """
        if not self._is_open:
            self._move(asset, amount, ZERO)
            self._credit(state, asset, amount)
            return ZERO
        value = amount * self._valuation.price_of(asset)
        # What leaves is valued at its mark, so it realises what it was worth beyond its cost.
        self.totals.realized += self._move(asset, amount, value)
        self._credit(state, asset, amount)
        self.totals.transfers += value
        return value

    def unrealized(self) -> Decimal:
        """Return the value of all inventories over their cost, in the reporting currency."""
        total = ZERO
        for asset, inventory in self.inventories.items():
            if inventory.quantity:
                total += inventory.quantity * self._valuation.price_of(asset) - inventory.cost
        return total

    def _fee_value(self, fill: Fill, instrument: Instrument, quote_price: Decimal) -> Decimal:
        if fill.fee_asset == instrument.quote:
            return fill.fee * quote_price
        if fill.fee_asset == instrument.base:
            return fill.fee * fill.price * quote_price
        return fill.fee * self._valuation.price_of(fill.fee_asset)

    def _move(self, asset: str, quantity: Decimal, value: Decimal) -> Decimal:
        """Move an asset's inventory and return what that realised; the reporting currency has none."""
        if asset == self._reporting:
            return ZERO
        inventory = self.inventories.get(asset)
        if inventory is None:
            inventory = self.inventories[asset] = Inventory()
        return change(inventory, quantity, value)[0]

    def _move_position(self, state: CanonicalState, symbol: str, quantity: Decimal, cost: Decimal) -> Decimal:
        position = state.positions.get(symbol)
        if position is None:
            position = state.positions[symbol] = Position(symbol)
        realized, closed = change(position, quantity, cost)
        position.realized += realized
        return closed

    def _credit(self, state: CanonicalState, asset: str, amount: Decimal) -> None:
        balance = state.balances.get(asset)
        if balance is None:
            balance = state.balances[asset] = AssetBalance(asset)
        balance.total += amount
        self._valuation.set_amount(asset, balance.total)

    def check(self, equity: Decimal, equity_at_start: Decimal) -> None:
        """Raise `InvariantError` unless the accounting identity I10 holds to the last digit."""
        totals = self.totals
        explained = totals.realized + self.unrealized() - totals.fees + totals.transfers
        if equity - equity_at_start != explained:
            raise InvariantError(
                "equity change == realized + unrealized - fees + transfers",
                f"{equity} - {equity_at_start} != {explained}",
            )

    def snapshot(self) -> dict[str, object]:
        """Return the whole memory as plain values."""
        return {
            "inventories": {
                name: [item.quantity, item.cost] for name, item in sorted(self.inventories.items())
            },
            "is_open": self._is_open,
            "totals": [self.totals.realized, self.totals.fees, self.totals.transfers],
        }

    def restore(self, memory: dict[str, object], state: CanonicalState) -> None:
        """Take over the memory that `snapshot` returned, and the balances of the restored *state*."""
        for asset, balance in state.balances.items():
            self._valuation.set_amount(asset, balance.total)
        inventories: dict[str, list[Decimal]] = memory["inventories"]  # type: ignore[assignment]
        self.inventories = {name: Inventory(*pair) for name, pair in inventories.items()}
        self._is_open = bool(memory["is_open"])
        self.totals = PnLTotals(*memory["totals"])  # type: ignore[misc]
