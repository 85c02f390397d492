"""Hold what all parts of a running agent share: the truth, the time and the outbox; decide nothing."""

from __future__ import annotations

from collections import deque

from meva_core.agent.outbox import Outbox
from meva_core.config.schema import AppConfig
from meva_core.model.state import (
    FILLS_KEPT,
    CanonicalState,
    ConnectivityState,
    PnLSnapshot,
    RiskLimits,
    RuntimeFlags,
    SequenceState,
    TreasurySnapshot,
)


class Runtime:
    """Share the canonical state, the clock of the events, and the outbox.

    *sequence* counts events, *version* rises with every change that a refused decision could depend on.
    *alarm_ns* is the next time at which something is due whatever the market does.
    """

    __slots__ = ("alarm_ns", "now_ns", "outbox", "sequence", "state", "version")

    def __init__(self, state: CanonicalState) -> None:
        self.state = state
        self.outbox = Outbox()
        self.sequence = state.sequence.events
        self.version = state.sequence.version
        self.now_ns = state.sequence.last_event_ns
        self.alarm_ns = 0


def initial_state(config: AppConfig) -> CanonicalState:
    """Return the state of an agent that has seen nothing yet; balances are opened by portfolio."""
    risk = config.risk
    return CanonicalState(
        as_of_ns=0,
        mode=config.mode.value,
        reporting_currency=config.reporting_currency,
        runtime_flags=RuntimeFlags(
            strategy_enabled={strategy.name: strategy.enabled for strategy in config.strategies}
        ),
        balances={},
        positions={},
        open_orders={},
        fills=deque(maxlen=FILLS_KEPT),
        risk_limits=RiskLimits(
            max_notional_per_trade=risk.max_notional_per_trade,
            max_position_notional_per_symbol=risk.max_position_notional_per_symbol,
            max_portfolio_exposure=risk.max_portfolio_exposure,
            daily_loss_limit=risk.daily_loss_limit,
            max_drawdown_limit=risk.max_drawdown_limit,
            max_open_orders=risk.max_open_orders,
        ),
        pnl=PnLSnapshot(),
        treasury=TreasurySnapshot(principal_baseline=config.treasury.principal_baseline),
        connectivity=ConnectivityState(),
        sequence=SequenceState(decisions=config.opening.decisions),
    )
