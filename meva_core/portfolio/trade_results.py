"""Say what fills earned, by day, symbol, strategy and method; judge no risk and decide nothing.

Amounts are in the quote asset of each symbol. Both methods are exact and end with the same total: what first in,
first out realises early, average cost still carries as unrealised. A fee in the base asset never enters what is
held; it is a fee at the price of its fill.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from enum import StrEnum

from attrs import Factory, define

from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.money import ZERO, exact
from meva_core.model.value import value
from meva_core.portfolio.average_cost import Inventory, change


class CostMethod(StrEnum):
    """Choose which cost a sale is held against."""

    AVERAGE = "average"
    FIFO = "fifo"


@value
class ResultKey:
    """Name one line of results: a *day* (ISO date in the configured zone), a symbol and a strategy."""

    day: str
    symbol: str
    strategy: str


@define
class Result:
    """Sum what fills realised, before *fees*, which stand by the asset that they were paid in."""

    realized: Decimal = ZERO
    fees: dict[str, Decimal] = Factory(dict)
    fills: int = 0


@define
class _Lots:
    """Hold what is held, lot by lot, oldest first; quantities are signed alike."""

    lots: deque[list[Decimal]] = Factory(deque)

    @property
    def quantity(self) -> Decimal:
        return sum((quantity for quantity, _ in self.lots), ZERO)

    @property
    def cost(self) -> Decimal:
        return sum((quantity * price for quantity, price in self.lots), ZERO)

    def take(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Put *quantity* (signed) in or out at *price*; return what that realised."""
        realized = ZERO
        while quantity and self.lots and (self.lots[0][0] > ZERO) != (quantity > ZERO):
            held, paid = self.lots[0]
            closed = -quantity if abs(quantity) < abs(held) else held
            realized += closed * (price - paid)
            quantity += closed
            if closed == held:
                self.lots.popleft()
            else:
                self.lots[0][0] = held - closed
        if quantity:
            self.lots.append([quantity, price])
        return realized


@define
class _Average:
    """Hold what is held with its cost in total."""

    inventory: Inventory = Factory(Inventory)

    @property
    def quantity(self) -> Decimal:
        return self.inventory.quantity

    @property
    def cost(self) -> Decimal:
        return self.inventory.cost

    def take(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Put *quantity* (signed) in or out at *price*; return what that realised."""
        return change(self.inventory, quantity, quantity * price)[0] if quantity else ZERO


class TradeResults:
    """Take fills in order; each strategy has a position of its own on each symbol."""

    def __init__(self, method: CostMethod) -> None:
        self._new = _Lots if method is CostMethod.FIFO else _Average
        self._held: dict[tuple[str, str], _Lots | _Average] = {}
        self.lines: dict[ResultKey, Result] = {}

    def add(self, fill: Fill, *, day: str, strategy: str, base: str) -> None:
        """Take one fill of *strategy* on *day*; *base* is the base asset of its symbol."""
        held = self._held.setdefault((fill.symbol, strategy), self._new())
        line = self.lines.setdefault(ResultKey(day, fill.symbol, strategy), Result())
        with exact():
            quantity = fill.quantity if fill.side is Side.BUY else -fill.quantity
            if fill.fee_asset == base:
                quantity -= fill.fee
            line.realized += held.take(quantity, fill.price)
            if fill.fee:
                line.fees[fill.fee_asset] = line.fees.get(fill.fee_asset, ZERO) + fill.fee
        line.fills += 1

    def unrealized(self, symbol: str, strategy: str, mark: Decimal) -> Decimal:
        """Return what the position would realise at *mark*."""
        held = self._held.get((symbol, strategy))
        if held is None:
            return ZERO
        with exact():
            return held.quantity * mark - held.cost

    @property
    def positions(self) -> dict[tuple[str, str], Decimal]:
        """Return what is held by (symbol, strategy), sorted."""
        with exact():
            return {key: held.quantity for key, held in sorted(self._held.items())}
