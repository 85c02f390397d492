"""Build what the tests of signals share: an instrument, a context, a market to walk a strategy through."""

from __future__ import annotations

from decimal import Decimal

from attrs import frozen

from meva_core.data.feature_store import FeatureSet
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.signals.strategy import FeatureValues, Signal, SignalContext, Strategy

BTC = Instrument("BTC/USDT", "BTC", "USDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.00001"))


def context(*, price: int = 10_000, held: str = "0", time_ns: int = 1_000) -> SignalContext:
    """Return a context without features that holds *held* BTC."""
    quantity = Decimal(held)
    return SignalContext(
        symbol=BTC.symbol,
        instrument=BTC,
        features=None,
        state=None,
        time_ns=time_ns,
        price_ticks=price,
        stance=1 if quantity else 0,
        position=quantity,
        sellable=quantity,
    )


@frozen
class Step:
    """Show one warm sample: whether the guard woke, and what the strategy answered when asked anyway."""

    price: int
    woke: bool
    signal: Signal | None


def walk(strategy: Strategy, prices: list[int], *, held: str = "0", guarded: bool = False) -> list[Step]:
    """Lead *strategy* through *prices*, filling each signal whole at once.

    It is asked at every price, or, when *guarded*, only where its guard wakes.
    """
    declared = strategy.features()
    features = FeatureSet(BTC.symbol, declared)
    ctx = context(held=held)
    ctx.features = FeatureValues(declared)
    steps = []
    for price in prices:
        features.update(0, price, 1)
        if not features.warm:
            continue
        ctx.price_ticks = price
        woke = strategy.acts(ctx.features, ctx.stance)
        step = Step(price, woke, strategy.generate_signal(ctx) if woke or not guarded else None)
        steps.append(step)
        if step.signal is not None:
            sign = step.signal.side.sign
            ctx.position = ctx.sellable = ctx.position + sign * step.signal.quantity
            ctx.stance = 1 if ctx.position else 0
    return steps


def sides(steps: list[Step]) -> list[tuple[int, Side]]:
    """Return (price, side) of every signal."""
    return [(step.price, step.signal.side) for step in steps if step.signal is not None]
