"""Keep what a simulated venue holds for us, free and locked, exactly; decide no order.

Free and locked amounts are never negative: a caller asks first, and a payment that is not covered is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from meva_core.errors import ConfigError, InvariantError
from meva_core.model.money import ZERO


class VenueAccount:
    """Move amounts between free, locked and the outside. Call what moves them inside `exact()`."""

    __slots__ = ("_free", "_locked")

    def __init__(self, balances: Mapping[str, Decimal]) -> None:
        overdrawn = [
            f"balance of {asset}: got {amount}, expected a number from 0 up"
            for asset, amount in balances.items()
            if not (amount.is_finite() and amount >= 0)
        ]
        if overdrawn:
            raise ConfigError(tuple(overdrawn))
        self._free = dict(balances)
        self._locked: dict[str, Decimal] = {}

    def free(self, asset: str) -> Decimal:
        """Return what may be locked or paid."""
        return self._free.get(asset, ZERO)

    def locked(self, asset: str) -> Decimal:
        """Return what open orders hold back."""
        return self._locked.get(asset, ZERO)

    def receive(self, asset: str, amount: Decimal) -> None:
        """Add *amount* from outside to what is free."""
        self._free[asset] = self._free.get(asset, ZERO) + amount

    def pay(self, asset: str, amount: Decimal) -> None:
        """Take *amount* out of what is free."""
        _take(self._free, asset, amount)

    def trade(
        self, asset: str, amount: Decimal, received_asset: str, received: Decimal, *, locked: bool
    ) -> None:
        """Pay *amount* of one asset, out of what is locked or free, and receive another one."""
        free = self._free
        source = self._locked if locked else free
        left = source.get(asset, ZERO) - amount
        if left < ZERO:
            raise _overdrawn(asset, left)
        source[asset] = left
        free[received_asset] = free.get(received_asset, ZERO) + received

    def lock(self, asset: str, amount: Decimal) -> None:
        """Hold *amount* back for an open order."""
        _take(self._free, asset, amount)
        self._locked[asset] = self._locked.get(asset, ZERO) + amount

    def unlock(self, asset: str, amount: Decimal) -> None:
        """Free *amount* again."""
        _take(self._locked, asset, amount)
        self.receive(asset, amount)

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return free and locked by asset, sorted by asset."""
        return {asset: (self._free[asset], self.locked(asset)) for asset in sorted(self._free)}

    def snapshot(self) -> list[list[object]]:
        """Return rows of asset, free, locked."""
        return [[asset, free, locked] for asset, (free, locked) in self.balances().items()]

    def restore(self, rows: list[list[object]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._free = {str(asset): Decimal(str(free)) for asset, free, _ in rows}
        self._locked = {str(asset): Decimal(str(locked)) for asset, _, locked in rows}


def _take(amounts: dict[str, Decimal], asset: str, amount: Decimal) -> None:
    left = amounts.get(asset, ZERO) - amount
    if left < ZERO:
        raise _overdrawn(asset, left)
    amounts[asset] = left


def _overdrawn(asset: str, left: Decimal) -> InvariantError:
    return InvariantError("a venue balance is never negative", f"{asset} would be {left}")
