"""Bound every number of the configuration, in one table; relate none to another."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from attrs import fields, frozen, has

from meva_core.config.codes import Code, Problem
from meva_core.config.schema import (
    AppConfig,
    ControlsConfig,
    DigestConfig,
    ExchangeConfig,
    ExecutionConfig,
    FeesConfig,
    InstrumentConfig,
    LoggingConfig,
    ObservabilityConfig,
    OpeningConfig,
    RiskConfig,
    RuntimeConfig,
    SignalConfig,
    TreasuryConfig,
)

# Amounts carry 28 digits (see `meva_core.model.money`); this leaves ten of them for decimals.
LARGEST: Final = 10**18
SECONDS_PER_DAY: Final = 86_400


@frozen
class Range:
    """Bound a number: *low* to *high*, both included unless *open_low* leaves the lower end out."""

    low: int
    high: int
    open_low: bool = False
    code: Code = Code.OUT_OF_RANGE
    remedy: str = "Write a number in this range."

    def holds(self, value: Decimal | float) -> bool:
        """Return whether *value* is a finite number inside the range."""
        finite = value.is_finite() if isinstance(value, Decimal) else isfinite(value)
        return finite and self.low <= value <= self.high and not (self.open_low and value == self.low)

    def __str__(self) -> str:
        if self.high == LARGEST:
            return f"more than {self.low}" if self.open_low else f"at least {self.low}"
        start = f"more than {self.low}" if self.open_low else str(self.low)
        return f"{start} to {self.high}"


AMOUNT: Final = Range(0, LARGEST)
POSITIVE_AMOUNT: Final = Range(0, LARGEST, open_low=True)
COUNT: Final = Range(1, 1_000_000)
SHARE: Final = Range(0, 1, remedy="Write a fraction of one: 0.2 is twenty per cent.")

RANGES: Final[dict[type, dict[str, Range]]] = {
    AppConfig: {"seed": Range(0, 2**63 - 1)},
    ExchangeConfig: {
        "recv_window_ms": Range(
            1,
            5_000,
            code=Code.RECV_WINDOW,
            remedy="A long window delays the proof that an order was not placed; 5000 is enough.",
        ),
        "balances": AMOUNT,
        "dead_man_s": Range(0, SECONDS_PER_DAY),
    },
    InstrumentConfig: {
        "tick_size": POSITIVE_AMOUNT,
        "lot_size": POSITIVE_AMOUNT,
        "min_quantity": AMOUNT,
        "max_quantity": POSITIVE_AMOUNT,
        "min_notional": AMOUNT,
        "max_notional": POSITIVE_AMOUNT,
        "asset_decimals": Range(0, 18),
    },
    # A tenth of every trade is no fee but a mistaken unit.
    FeesConfig: {"maker_bps": Range(0, 1_000), "taker_bps": Range(0, 1_000)},
    SignalConfig: {
        "min_confidence": SHARE,
        "min_edge_bps": Range(0, 10_000),
        "max_age_ms": Range(1, SECONDS_PER_DAY * 1_000),
    },
    RiskConfig: {
        "max_notional_per_trade": POSITIVE_AMOUNT,
        "max_position_notional_per_symbol": POSITIVE_AMOUNT,
        "max_portfolio_exposure": POSITIVE_AMOUNT,
        "daily_loss_limit": POSITIVE_AMOUNT,
        "max_drawdown_limit": POSITIVE_AMOUNT,
        "max_open_orders": COUNT,
        "max_orders_per_window": COUNT,
        "order_window_s": Range(1, SECONDS_PER_DAY),
        "max_repeated_orders": COUNT,
        "price_collar_bps": Range(0, 10_000, open_low=True),
        # A week: daily bars, with room for a missing one.
        "max_data_age_ms": Range(1, 7 * SECONDS_PER_DAY * 1_000),
        "breaker_consecutive_rejects": COUNT,
        "breaker_cool_down_s": Range(1, 7 * SECONDS_PER_DAY),
        # Binance refuses requests whose clock is more than a second ahead (error -1021).
        "max_clock_offset_ms": Range(1, 1_000),
    },
    ExecutionConfig: {
        "latency_ms": Range(0, 60_000),
        "slippage_bps": Range(0, 1_000),
        "fence_lag_bound_s": Range(1, 3_600),
        "unknown_query_schedule_s": Range(0, 60, open_low=True),
        "reconcile_interval_s": Range(1, 3_600),
        "reconcile_retry_s": Range(1, 60),
        "reconcile_drift_cycles": Range(1, 100),
        # One missed answer is no cause: the next question is already under way.
        "reconcile_overdue_intervals": Range(2, 100),
    },
    TreasuryConfig: {
        "principal_baseline": AMOUNT,
        "reserve_share": SHARE,
        "min_reserve": AMOUNT,
        "max_transfer_share": SHARE,
        "cool_down_days": Range(0, 365),
    },
    LoggingConfig: {"rotation_mb": Range(1, 10_000), "retention_days": Range(1, 3_650)},
    ObservabilityConfig: {
        "statsd_port": Range(1, 65_535),
        "equity_sample_s": Range(1, SECONDS_PER_DAY),
        "checkpoint_events": Range(1, 10_000_000),
        "stale_alert_s": Range(1, 3_600),
        "escalate_after_s": Range(30, 86_400),
        "heartbeat_url_s": Range(10, 86_400),
    },
    DigestConfig: {"every_s": Range(60, SECONDS_PER_DAY)},
    RuntimeConfig: {
        "inbox_events_max": Range(100, 1_000_000),
        # More would be dragged along by the commit of an order.
        "commit_events_max": Range(1, 256),
        "commit_interval_ms": Range(1, 60_000),
        "commit_patience_ms": Range(100, 60_000),
        "commit_limit_s": Range(1, 600),
        "market_days_kept": Range(0, 3_650),
        "heartbeat_ms": Range(100, 60_000),
        "clock_check_s": Range(1, 3_600),
        "stop_grace_s": Range(1, 300),
        "warm_up_minutes": Range(0, 1_440),
        "warm_up_share": SHARE,
    },
    # Client order ids have room for eight digits to the base 36.
    OpeningConfig: {"decisions": Range(0, 2 * 10**12)},
    ControlsConfig: {"port": Range(0, 65_535)},
}


def out_of_range(section: Any, path: str = "") -> Iterator[Problem]:
    """Yield a problem for every number in *section* and its parts that is outside its range."""
    ranges = RANGES.get(type(section), {})
    for attribute in fields(type(section)):
        below = f"{path}.{attribute.name}" if path else attribute.name
        yield from _out_of_range(getattr(section, attribute.name), below, ranges.get(attribute.name))


def _out_of_range(value: Any, path: str, bounds: Range | None) -> Iterator[Problem]:
    if has(type(value)):
        yield from out_of_range(value, path)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _out_of_range(item, f"{path}.{index}", bounds)
    elif bounds is not None and isinstance(value, dict):
        for key, item in value.items():
            yield from _out_of_range(item, f"{path}.{key}", bounds)
    elif bounds is not None and value is not None and not bounds.holds(value):
        yield Problem(bounds.code, path, found=str(value), expected=str(bounds), remedy=bounds.remedy)
