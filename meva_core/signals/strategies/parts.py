"""Hold what the shipped long/flat spot strategies share: sizes, confidence, checks of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from meva_core.errors import ConfigError
from meva_core.model.market import Side
from meva_core.model.money import divide_down
from meva_core.signals.strategy import Signal, SignalContext

BPS_PER_UNIT: Final = 10_000


def buy_quantity(ctx: SignalContext, *, quantity: Decimal | None, notional: Decimal) -> Decimal:
    """Return *quantity* if given, else what *notional* buys at the last price, rounded down to whole lots."""
    if quantity is not None:
        return quantity
    return divide_down(notional, ctx.price, ctx.instrument.lot_size)


def sell_all(ctx: SignalContext, reason: str) -> Signal | None:
    """Return a signal to sell everything the strategy may sell, or `None` when that is less than one lot.

    It only reduces a position, so limits on confidence and edge do not hold it back.
    """
    if ctx.sellable < ctx.instrument.lot_size:
        return None
    return Signal(Side.SELL, ctx.sellable, reason, reduce_only=True)


def tail_confidence(score: float) -> float:
    """Return `1 - 1 / score**2`, at least 0: how rare a move of *score* deviations is at the least.

    Source: Chebyshev's inequality, which holds for any distribution.
    2 deviations give 0.75, 3 give 0.89; 1 or less gives 0.
    """
    square = score * score
    return 1 - 1 / square if square > 1 else 0.0


def require(strategy: str, facts: Mapping[str, bool]) -> None:
    """Raise `ConfigError` with every sentence in *facts* that is not true."""
    problems = tuple(f"{strategy}: {sentence}" for sentence, holds in facts.items() if not holds)
    if problems:
        raise ConfigError(problems)


def is_amount(amount: Decimal | None) -> bool:
    """Return whether *amount* is a positive, finite Decimal."""
    return isinstance(amount, Decimal) and amount.is_finite() and amount > 0
