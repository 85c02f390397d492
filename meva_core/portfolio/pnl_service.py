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
from meva_core.portfolio.valuation_service import Holding, Unpriced, ValuationService

_BUY: Final = Side.BUY


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


@define(eq=False)
class _Account:
    """Hold all that is booked of one asset; the reporting currency has no inventory, as it is its own value."""

    asset: str
    balance: AssetBalance
    inventory: Inventory | None
    holding: Holding | Unpriced

    def move(self, quantity: Decimal, value: Decimal) -> Decimal:
        """Move balance and inventory by *quantity* at *value* (same sign); return what that realised."""
        balance = self.balance
        balance.total = total = balance.total + quantity
        self.holding.hold(total)
        return ZERO if self.inventory is None else change(self.inventory, quantity, value)[0]


@define(eq=False)
class _Pair:
    """Hold what a fill of one symbol changes in *state*."""

    state: CanonicalState
    base: _Account
    quote: _Account
    position: Position


class PnLService:
    """Keep inventories and write balances, positions and pnl of the canonical state."""

    def __init__(self, valuation: ValuationService, instruments: dict[str, Instrument]) -> None:
        self._valuation = valuation
        self._instruments = instruments
        self._reporting = valuation.reporting_currency
        self.inventories: dict[str, Inventory] = {}
        self._is_open = False
        self.totals = PnLTotals()
        self._pairs: dict[str, _Pair] = {}

    def open_balance(self, asset: str, amount: Decimal, state: CanonicalState) -> None:
        """Take over an opening balance; its cost is its value at the first marks (see `cost_openings`)."""
        self._pairs.clear()
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
        pair = self._pairs.get(fill.symbol)
        if pair is None or pair.state is not state:
            pair = self._open_pair(fill.symbol, state)
        base, quote = pair.base, pair.quote
        price, fee, fee_asset = fill.price, fill.fee, fill.fee_asset
        quantity = fill.quantity if fill.side is _BUY else -fill.quantity
        cost = value = price * quantity
        worth = None if quote.inventory is None else self._valuation.price_of(quote.asset)
        if worth is not None:
            value = cost * worth

        if fee_asset == quote.asset:
            realized = base.move(quantity, value)
            if worth is None:
                fee_value = fee or ZERO
                paid = -cost - fee
                quote.move(paid, paid)
            else:
                fee_value = fee * worth if fee else ZERO
                realized += quote.move(-cost, -value) + quote.move(-fee, -fee_value)
        elif fee_asset == base.asset:
            # A fee in what was just bought is part of the purchase: it never enters the inventory.
            fee_cost = fee * price
            fee_value = (fee_cost if worth is None else fee_cost * worth) if fee else ZERO
            paid, quantity, cost = -cost, quantity - fee, cost - fee_cost
            realized = base.move(quantity, value - fee_value) + quote.move(paid, -value)
        else:
            fee_value = fee * self._valuation.price_of(fee_asset) if fee else ZERO
            payer = self._account(fee_asset, state)
            realized = base.move(quantity, value) + quote.move(-cost, -value) + payer.move(-fee, -fee_value)
        position = pair.position
        earned, closed = change(position, quantity, cost)
        position.realized += earned
        totals = self.totals
        totals.realized += realized
        totals.fees += fee_value
        return PnLUpdate(realized, fee_value, abs(value), closed)

    def record_transfer(self, asset: str, amount: Decimal, state: CanonicalState) -> Decimal:
        """Book money that entered or left the account, and return its value in the reporting currency.

        What comes before the openings are costed is part of them, and no transfer of any value yet.
        """
        if not self._is_open:
            self._account(asset, state).move(amount, ZERO)
            return ZERO
        value = amount * self._valuation.price_of(asset)
        # What leaves is valued at its mark, so it realises what it was worth beyond its cost.
        self.totals.realized += self._account(asset, state).move(amount, value)
        self.totals.transfers += value
        return value

    def unrealized(self) -> Decimal:
        """Return the value of all inventories over their cost, in the reporting currency."""
        total = ZERO
        for asset, inventory in self.inventories.items():
            if inventory.quantity:
                total += inventory.quantity * self._valuation.price_of(asset) - inventory.cost
        return total

    def _open_pair(self, symbol: str, state: CanonicalState) -> _Pair:
        """Look up once what every fill of *symbol* needs."""
        instrument = self._instruments[symbol]
        position = state.positions.setdefault(symbol, Position(symbol))
        base, quote = self._account(instrument.base, state), self._account(instrument.quote, state)
        pair = self._pairs[symbol] = _Pair(state, base, quote, position)
        return pair

    def _account(self, asset: str, state: CanonicalState) -> _Account:
        inventory = None if asset == self._reporting else self.inventories.setdefault(asset, Inventory())
        balance = state.balances.setdefault(asset, AssetBalance(asset))
        return _Account(asset, balance, inventory, self._valuation.holding(asset))

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
        self._pairs.clear()
        self._is_open = bool(memory["is_open"])
        self.totals = PnLTotals(*memory["totals"])  # type: ignore[misc]
