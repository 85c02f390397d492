"""Know which strategy holds what, by its own fills; the account as a whole is in the canonical state."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import ZERO

_BUY: Final = Side.BUY


class StrategyHoldings:
    """Add up fills by strategy and symbol, net of fees that were paid in the base asset."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Decimal] = {}

    def held(self, strategy: str, symbol: str) -> Decimal:
        """Return the base quantity that *strategy* holds through *symbol*."""
        return self._held.get((strategy, symbol), ZERO)

    def add(self, strategy: str, fill: Fill, instrument: Instrument) -> None:
        """Take one fill of an order of *strategy*. Call it inside `exact()`."""
        key = (strategy, fill.symbol)
        held = self._held.get(key, ZERO)
        held = held + fill.quantity if fill.side is _BUY else held - fill.quantity
        self._held[key] = held - fill.fee if fill.fee_asset == instrument.base else held

    def snapshot(self) -> list[list[object]]:
        """Return rows of strategy, symbol, quantity, sorted."""
        return [[strategy, symbol, held] for (strategy, symbol), held in sorted(self._held.items())]

    def restore(self, rows: list[list[object]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._held = {(str(strategy), str(symbol)): Decimal(str(held)) for strategy, symbol, held in rows}
