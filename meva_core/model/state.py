"""Define the canonical state: everything the agent knows about itself, as plain values.

Ownership: `portfolio` writes balances, positions, pnl and treasury; `execution` alone writes
open_orders; `risk` alone writes gate markers and the kill flag; `agent` sequences and versions.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from enum import IntEnum
from typing import Final

from attrs import Factory, define, frozen

from meva_core.model.fill import Fill
from meva_core.model.money import ZERO
from meva_core.model.order import OrderRecord

FILLS_KEPT: Final = 1_000  # Bounded history for people; the journal keeps every fill for ever.


class Gate(IntEnum):
    """Order how much may be sent; a larger value is safer."""

    OPEN = 0
    REDUCE_ONLY = 1
    PAUSED = 2
    KILLED = 3


@frozen
class GateMarker:
    """Give one reason why the gate is not open. Markers are lifted one by one, never all at once."""

    code: str
    gate: Gate
    reason: str
    actor: str
    since_ns: int


@define
class RuntimeFlags:
    """Say whether orders may leave, and why not."""

    trading_enabled: bool = True
    kill_switch_active: bool = False
    pause_reason: str | None = None
    strategy_enabled: dict[str, bool] = Factory(dict)
    gate: Gate = Gate.OPEN
    gate_epoch: int = 0
    markers: dict[str, GateMarker] = Factory(dict)


@define
class AssetBalance:
    """Hold one asset's amounts; `free + locked == total` at every moment (invariant I9)."""

    asset: str
    total: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def free(self) -> Decimal:
        """Return what no open order has reserved."""
        return self.total - self.locked


@define
class Position:
    """Hold what was bought and sold through one symbol.

    *quantity* is net of fees paid in the base asset; *cost* is what the held quantity cost, in the quote asset;
    *realized* is in the quote asset, before fees.
    """

    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO


@define
class RiskLimits:
    """Hold the limits in force, in the reporting currency; an operator may lower them while running."""

    max_notional_per_trade: Decimal
    max_position_notional_per_symbol: Decimal
    max_portfolio_exposure: Decimal
    daily_loss_limit: Decimal
    max_drawdown_limit: Decimal
    max_open_orders: int


@define
class PnLSnapshot:
    """Hold profit and loss in the reporting currency; *fees* are positive when they cost.

    `equity - equity at start == realized + unrealized - fees + transfers`, exactly (invariant I10).
    """

    realized: Decimal = ZERO
    unrealized: Decimal = ZERO
    fees: Decimal = ZERO
    pnl_today: Decimal = ZERO
    drawdown: Decimal = ZERO


@define
class TreasurySnapshot:
    """Hold the self-financing view, in the reporting currency."""

    principal_baseline: Decimal = ZERO
    operating_costs_today: Decimal = ZERO
    reserve_accrual_today: Decimal = ZERO
    rolling_surplus_30d: Decimal = ZERO
    principal_protected: bool = True


@define
class ConnectivityState:
    """Say which streams are up, and which symbols take no orders and why; replayed markets count as connected."""

    connected: dict[str, bool] = Factory(dict)
    reconnects: int = 0
    gaps: int = 0
    clock_offset_ns: int = 0
    halted: dict[str, str] = Factory(dict)


@define
class SequenceState:
    """Count what was handled; every number only rises."""

    events: int = 0
    decisions: int = 0
    version: int = 0
    last_event_ns: int = 0
    last_trade_id: dict[str, int] = Factory(dict)
    last_update_id: dict[str, int] = Factory(dict)


@define
class CanonicalState:
    """Hold the whole truth that decisions rest on; a snapshot of it plus the journal restores the agent."""

    as_of_ns: int
    mode: str
    reporting_currency: str
    runtime_flags: RuntimeFlags
    balances: dict[str, AssetBalance]
    positions: dict[str, Position]
    open_orders: dict[str, OrderRecord]
    fills: deque[Fill]
    risk_limits: RiskLimits
    pnl: PnLSnapshot
    treasury: TreasurySnapshot
    connectivity: ConnectivityState
    sequence: SequenceState
