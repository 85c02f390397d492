"""Run one strategy on one symbol: its features, its stance and its memory of refusals; decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import attrs

from meva_core.data.feature_store import FeatureSet
from meva_core.data.market_data_service import Market
from meva_core.errors import InvariantError
from meva_core.model.market import Candle, Side
from meva_core.model.money import EXACT, ZERO, quantise_down
from meva_core.model.order import OrderRecord
from meva_core.portfolio.holdings import StrategyHoldings
from meva_core.signals.signal_engine import SignalEngine
from meva_core.signals.strategy import FeatureValues, SignalContext

_BUY: Final = Side.BUY
# Most strategies ask for few sizes; one that asks for ever new ones must not fill the memory.
_SIZES_KEPT: Final = 64


class WholeLots(dict[str, Decimal]):
    """Cut quantities down to whole lots, by the text of what was asked for.

    What is remembered is found without a division, and by a text sooner than by a Decimal.
    """

    def __init__(self, lot_size: Decimal) -> None:
        super().__init__()
        self._lot_size = lot_size

    def __missing__(self, asked: str) -> Decimal:
        """Cut what was not asked for lately."""
        if len(self) >= _SIZES_KEPT:
            self.clear()
        quantity = quantise_down(Decimal(asked), self._lot_size)
        self[asked] = self[str(quantity)] = quantity
        return quantity


class StrategySlot:
    """Hold what the hot path needs of a strategy on a symbol, in attributes that cost nothing to read.

    *stance* is the sign of its position as if its open orders had filled; less than a lot is none.
    """

    __slots__ = (
        "_expected",
        "_holdings",
        "_lot_size",
        "_open_orders",
        "_owed_lot",
        "acts",
        "candle_updates",
        "context",
        "engine",
        "features",
        "market",
        "muted",
        "muted_side",
        "muted_until_ns",
        "muted_version",
        "name",
        "position",
        "stance",
        "symbol",
        "timeframe",
        "unsold",
        "updates",
        "values",
        "whole_lots",
    )

    def __init__(self, engine: SignalEngine, market: Market, features: FeatureSet) -> None:
        strategy = engine.strategy
        named = dict(zip(features.names, features.features, strict=True))
        make_state: Callable[[], Any] = getattr(strategy, "initial_state", _no_state)
        self.engine = engine
        self.name = engine.name
        self.market = market
        self.symbol = market.symbol
        self.features = features
        self.timeframe = strategy.timeframe
        self.acts = strategy.acts
        self.values = FeatureValues(named)
        self.updates = features.updates
        self.candle_updates = tuple(feature.update_candle for feature in features.features)
        self.context = SignalContext(market.symbol, market.instrument, self.values, make_state())
        self.stance = 0
        self.position = self.unsold = self._expected = ZERO
        self._lot_size = market.instrument.lot_size
        self._owed_lot = self._lot_size.copy_negate()
        self.whole_lots = WholeLots(self._lot_size)
        self.follow(StrategyHoldings(), {})
        self.muted = False
        self.muted_side: Side | None = None
        self.muted_version = self.muted_until_ns = 0

    @property
    def records_history(self) -> bool:
        """Return whether every sample must pass through the feature set, which keeps rows of it."""
        return self.features.history > 0

    def follow(self, holdings: StrategyHoldings, open_orders: dict[str, OrderRecord]) -> None:
        """Learn what to look at when the strategy's holdings or orders have changed."""
        self._holdings = holdings
        self._open_orders = open_orders

    def refresh(self) -> None:
        """Take over what the strategy holds and has on order."""
        self.position = self.unsold = expected = self._holdings.held(self.name, self.symbol)
        if self._open_orders:
            buys, sells = self._on_order(self._open_orders)
            self.unsold = EXACT.subtract(self.position, sells)
            expected = EXACT.add(self.unsold, buys)
        self._expected = expected
        self.stance = (expected >= self._lot_size) - (expected <= self._owed_lot)

    def on_submitted(self, side: Side, quantity: Decimal) -> None:
        """Take over one more order of the strategy, as `refresh` would. Call it inside `exact()`."""
        if side is _BUY:
            expected = self._expected + quantity
        else:
            self.unsold -= quantity + ZERO  # Written with the same decimals as the sum of all orders.
            expected = self._expected - quantity
        self._expected = expected
        self.stance = (expected >= self._lot_size) - (expected <= self._owed_lot)

    def _on_order(self, open_orders: dict[str, OrderRecord]) -> tuple[Decimal, Decimal]:
        buys = sells = ZERO
        for record in open_orders.values():
            request = record.request
            if request.strategy == self.name and request.symbol == self.symbol:
                if request.side is Side.BUY:
                    buys = EXACT.add(buys, record.open_quantity)
                else:
                    sells = EXACT.add(sells, record.open_quantity)
        return buys, sells

    def show(self, time_ns: int, sellable: Decimal, candle: Candle | None) -> SignalContext:
        """Return the context, brought up to date."""
        context, market = self.context, self.market
        context.time_ns = time_ns
        context.price_ticks = market.last_ticks
        context.stance = self.stance
        context.position = self.position
        context.sellable = sellable
        context.candle = candle
        context.bid_ticks = market.bid_ticks or None
        context.ask_ticks = market.ask_ticks or None
        return context

    def mute(self, side: Side, *, version: int, until_ns: int) -> None:
        """Hear no signal of this *side* until the state changes, the guard falls or *until_ns* has come."""
        self.muted = True
        self.muted_side = side
        self.muted_version = version
        self.muted_until_ns = until_ns

    def hears(self, side: Side, *, version: int, time_ns: int) -> bool:
        """Return whether a signal of *side* is to be judged; a repeated refusal says nothing new."""
        if self.muted and (version != self.muted_version or time_ns >= self.muted_until_ns):
            self.muted = False
        return not self.muted or side is not self.muted_side

    def snapshot(self) -> dict[str, Any]:
        """Return the memory but for features and orders, as plain values."""
        state = self.context.state
        side = None if self.muted_side is None else self.muted_side.value
        return {
            "state": None if state is None else attrs.asdict(state),
            "muted": [self.muted, side, self.muted_version, self.muted_until_ns],
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self.muted, side, self.muted_version, self.muted_until_ns = memory["muted"]
        self.muted_side = None if side is None else Side(side)
        state = self.context.state
        if (state is None) != (memory["state"] is None):
            raise InvariantError("a checkpoint fits its strategies", f"state of {self.name} on {self.symbol}")
        for name, value in (memory["state"] or {}).items():
            setattr(state, name, value)


def _no_state() -> None:
    """Stand in for a strategy that declares no memory of its own."""
