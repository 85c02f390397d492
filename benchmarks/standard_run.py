"""Replay one standard input once, in this process, and print what it took as one JSON object.

python -m benchmarks.standard_run FILE
"""

from __future__ import annotations

import json
import resource
import sys
import time
from decimal import Decimal
from typing import Any, Final

from meva_adapters.feed.open_tape import open_tape
from meva_adapters.settings.loading import LoadedSettings, load_settings
from meva_core.ops.reporting import RunStatistics
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.numerics import on_one_thread
from meva_runners.replaying.driver import ReplayDriver

SYMBOL: Final = "BTC/USDT"
# Limits so wide that the strategy alone decides; every rule is still tested on every order.
OVERRIDES: Final = (
    "strategies=[{name: sma_cross}]",
    "execution.fill_model=next_trade",
    "exchange.balances={USDT: 1000000}",
    "risk.max_notional_per_trade=100000",
    "risk.max_position_notional_per_symbol=1000000",
    "risk.max_portfolio_exposure=1000000",
    "risk.daily_loss_limit=1000000",
    "risk.max_drawdown_limit=1000000",
    "risk.max_orders_per_window=100000",
    "risk.max_repeated_orders=100000",
)


def settings() -> LoadedSettings:
    """Return the settings of the standard run."""
    return load_settings("dev", overrides=OVERRIDES, environ={})


def measured(path: str) -> dict[str, Any]:
    """Replay the tape at *path* and return figures and results."""
    config = settings().config
    agent = compose_agent(config, [ConfiguredStrategy("sma_cross", SmaCross(10, 30, Decimal("0.1")))])
    statistics = RunStatistics(config.reporting_currency)
    tape = open_tape(path, symbol=SYMBOL, instruments=instruments_of(config))
    driver = ReplayDriver(agent, compose_venue(config), takers=statistics.takers)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    for _ in driver.run([tape]):
        pass
    driver.finish()
    wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
    account = agent.account
    summary = statistics.summary(
        first_ns=driver.first_ns,
        last_ns=driver.last_ns,
        start_equity=account.start_equity,
        final_equity=account.equity,
        max_drawdown=account.max_drawdown,
    )
    return {
        "events": driver.market_events,
        "orders": summary.orders,
        "fills": summary.fills,
        "final_equity": f"{summary.final_equity:f}",
        "max_drawdown": f"{summary.max_drawdown:f}",
        "decision_hash": agent.decision_hash,
        "state_hash": agent.state_hash(),
        "run_seconds": driver.run_seconds,
        "load_seconds": driver.load_seconds,
        "wall_seconds": wall_s,
        "cpu_seconds": cpu_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    on_one_thread()  # As `meva replay` does.
    print(json.dumps(measured(sys.argv[1])))
