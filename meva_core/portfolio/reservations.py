"""Hold back what open orders may need, so that nothing is promised twice; decide no order.

Both are called inside `exact()`.
"""

from __future__ import annotations

from decimal import Decimal

from meva_core.errors import InvariantError
from meva_core.model.money import ZERO
from meva_core.model.state import AssetBalance, CanonicalState


def reserve(state: CanonicalState, asset: str, amount: Decimal) -> None:
    """Lock *amount* of *asset*; `free + locked == total` holds before and after (invariant I9)."""
    balance = state.balances.get(asset)
    if balance is None:
        balance = state.balances[asset] = AssetBalance(asset)
    balance.locked += amount


def release(state: CanonicalState, asset: str, amount: Decimal) -> None:
    """Unlock *amount* of *asset*; raise `InvariantError` when less is locked."""
    balance = state.balances[asset]
    locked = balance.locked - amount
    if locked < ZERO:
        raise InvariantError("a release follows its reservation", f"{asset}: {balance.locked} - {amount}")
    balance.locked = locked
