"""Define what a strategy is given and what it may answer; run none.

A strategy names the features it needs, says by `acts` when it may want something, and answers a `Signal`.
It keeps no hidden memory: what it must remember is a feature or its declared `state`, both of which
checkpoints carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, frozen

from meva_core.data.features import Feature
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.order import OrderType, TimeInForce


@frozen(slots=False, init=False)
class Signal:
    """State what a strategy wants: a side and a quantity, with its reasons.

    *confidence* lies in 0..1, *edge_bps* is the expected gain before costs in basis points,
    *expires_ns* the time after which nobody may act on it (0: when the event that caused it has passed).
    *quantity* may be off the grid; it is rounded down to it.
    """

    side: Side
    quantity: Decimal
    reason: str
    confidence: float = 1.0
    edge_bps: float = 0.0
    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    expires_ns: int = 0

    def __init__(
        self,
        side: Side,
        quantity: Decimal,
        reason: str,
        confidence: float = 1.0,
        edge_bps: float = 0.0,
        type: OrderType = OrderType.MARKET,  # noqa: A002 - the field's name
        limit_price: Decimal | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,  # noqa: FBT001, FBT002 - fields may be given in their order
        reduce_only: bool = False,  # noqa: FBT001, FBT002
        expires_ns: int = 0,
    ) -> None:
        fields = {
            "side": side,
            "quantity": quantity,
            "reason": reason,
            "confidence": confidence,
            "edge_bps": edge_bps,
            "type": type,
            "limit_price": limit_price,
            "time_in_force": time_in_force,
            "post_only": post_only,
            "reduce_only": reduce_only,
            "expires_ns": expires_ns,
        }
        object.__setattr__(self, "__dict__", fields)  # As a whole, see `meva_core.model.value`.


class FeatureValues:
    """Give a strategy its live features by attribute: `f.fast.value`. The text of it names them all."""

    def __init__(self, features: Mapping[str, Feature]) -> None:
        self.__dict__ = dict(features)  # Set as a whole, it is read as fast as slots.

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __str__(self) -> str:
        return ", ".join(self.__dict__) or "none"


class HasEquity(Protocol):
    """Know what the account is worth."""

    @property
    def equity(self) -> Decimal:
        """Return the equity now, in the reporting currency."""
        ...


@define
class SignalContext:
    """Show a strategy everything it may decide on. The object is reused: keep no reference to it.

    *stance* is the sign of the strategy's position as if its open orders had filled: -1, 0 or 1.
    *position* is what it holds of the base asset through its own fills; *sellable* what of it is free to sell.
    """

    symbol: str
    instrument: Instrument
    features: Any
    state: Any
    time_ns: int = 0
    price_ticks: int = 0
    stance: int = 0
    position: Decimal = Decimal(0)
    sellable: Decimal = Decimal(0)
    account: HasEquity | None = None
    candle: Candle | None = None
    bid_ticks: int | None = None
    ask_ticks: int | None = None

    @property
    def price(self) -> Decimal:
        """Return the last price, in the quote asset."""
        return self.instrument.price(self.price_ticks)

    @property
    def equity(self) -> Decimal:
        """Return what the whole account is worth now, in the reporting currency."""
        return Decimal(0) if self.account is None else self.account.equity


class Strategy(Protocol):
    """Decide when to trade one symbol; see `meva_core.signals.strategies` for examples.

    Parameters are attrs fields, so that configuration can set them by name and check their types.
    """

    @property
    def timeframe(self) -> str | None:
        """Return the candles that sample the features (`"1m"`), or `None` for every trade or bar."""
        ...

    def features(self) -> Mapping[str, Feature]:
        """Return new features by name, in a stable order."""
        ...

    def acts(self, features: Any, stance: int) -> bool:
        """Return whether `generate_signal` could answer now; must be elementwise (no and/or/not) and pure."""
        ...

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Return what is wanted, or `None`."""
        ...
