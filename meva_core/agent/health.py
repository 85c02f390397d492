"""Say how the agent is, from its state and the time it is asked at; mend nothing."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from meva_core.data.market_data_service import MarketDataService
from meva_core.data.quality import age_ns
from meva_core.model.order import OrderStatus
from meva_core.model.state import CanonicalState, Gate


class HealthStatus(StrEnum):
    """Rank the answers; the worst part decides."""

    RUNNING = "running"
    DEGRADED = "degraded"
    PAUSED = "paused"
    HALTED = "halted"


@frozen
class HealthReport:
    """Hold the status with every reason why it is not `running`, and the age of each symbol's data in ns."""

    status: HealthStatus
    reasons: tuple[str, ...]
    data_age_ns: dict[str, int]


def health_of(
    state: CanonicalState, market_data: MarketDataService, *, now_ns: int, data_age_ns_max: int
) -> HealthReport:
    """Return how the agent is at *now_ns*; a symbol never heard of is as old as time."""
    ages = {
        symbol: age_ns(market_data.market(symbol).last_ns, now_ns=now_ns) for symbol in market_data.symbols
    }
    degraded = [f"no fresh market data of {symbol}" for symbol, age in ages.items() if age > data_age_ns_max]
    degraded += [f"stream {name} is down" for name, up in state.connectivity.connected.items() if not up]
    unknown = sum(record.status is OrderStatus.UNKNOWN for record in state.open_orders.values())
    if unknown:
        degraded.append(f"{unknown} orders have an unknown outcome")
    flags = state.runtime_flags
    gate = () if flags.gate is Gate.OPEN else (f"the gate is {flags.gate.name}: {flags.pause_reason}",)
    if flags.gate is Gate.KILLED:
        status = HealthStatus.HALTED
    elif gate:
        status = HealthStatus.PAUSED
    else:
        status = HealthStatus.DEGRADED if degraded else HealthStatus.RUNNING
    return HealthReport(status, (*gate, *degraded), ages)
