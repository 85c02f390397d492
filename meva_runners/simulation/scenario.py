"""Draw a scenario from a seed: settings, and a plan of faults as data. Running it is the world's business.

Swarm testing: every seed switches each kind of fault on or off and scales its rate, so that rare mixes occur which
an average of everything never shows (Groce et al., "Swarm Testing", ISSTA 2012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cache
from random import Random
from typing import Final

from attrs import evolve, frozen

from meva_adapters.exchange.simulated.faults import POSSIBLE, Fault, Kind, Operation
from meva_adapters.settings.loading import load_settings
from meva_core.config.schema import (
    AppConfig,
    ExchangeConfig,
    FeesConfig,
    InstrumentConfig,
    Mode,
    StrategyConfig,
)

SYMBOLS: Final = ("BTC/USDT", "ETH/USDT")
# An unknown order holds up its symbol alone: with many symbols many orders leave, whatever happens to some.
DENSE_SYMBOLS: Final = tuple(f"A{number:02d}/USDT" for number in range(16))
START_NS: Final = 1_700_000_000_000_000_000
FIRST_TICKS: Final = 3_000_000

# Operations that ten minutes hold about, per minute; a plan may name more than come.
_PER_MINUTE: Final = {
    Operation.PLACE: 15,
    Operation.CANCEL: 1,
    Operation.CANCEL_ALL: 2,
    Operation.QUERY: 10,
    Operation.OBSERVE: 5,
    Operation.STREAM: 40,
    Operation.COMMIT: 75,
    Operation.EVENT: 650,
    Operation.SECOND: 60,
}
# How often an operation has a fault of one kind, where that kind is on, at the usual scale.
_RATES: Final = {
    Operation.PLACE: 0.03,
    Operation.CANCEL: 0.1,
    Operation.CANCEL_ALL: 0.1,
    Operation.QUERY: 0.05,
    Operation.OBSERVE: 0.05,
    Operation.STREAM: 0.03,
    Operation.COMMIT: 0.002,
    Operation.EVENT: 0.0002,
    Operation.SECOND: 0.003,
}
# What these kinds get of the rate: a process that dies every other moment does little that could go wrong, and a
# slow commit matters only where an order waits for it.
_SHARES: Final = {
    Kind.CRASH_BEFORE: 0.25,
    Kind.CRASH_AFTER: 0.25,
    Kind.IO_ERROR: 0.25,
    Kind.SLOW_COMMIT: 8,
    Kind.PAUSE: 3,
    Kind.STALE: 5,
    Kind.USER_STREAM_SILENT: 2,
}
# From, to; what they mean stands in `Kind`. A lag stays below the lag bound of the fence: beyond it no proof holds.
_AMOUNTS: Final = {
    Kind.SLOW_REQUEST: (300, 6_500),
    Kind.SLOW_RESPONSE: (100, 5_000),
    Kind.RATE_LIMITED: (1_000, 20_000),
    Kind.STALE: (100, 45_000),
    Kind.TORN: (100, 20_000),
    Kind.DUPLICATED: (1, 4),
    Kind.DELAYED: (30, 8_000),
    Kind.USER_STREAM_DOWN: (500, 40_000),
    Kind.USER_STREAM_SILENT: (500, 60_000),
    Kind.FEED_DOWN: (500, 30_000),
    Kind.FEED_SILENT: (500, 30_000),
    Kind.NETWORK_DOWN: (500, 30_000),
    Kind.CLOCK_SKEW: (-90_000, 90_000),
    Kind.HALTED: (500, 60_000),
    Kind.RULES_CHANGED: (500, 90_000),
    Kind.SLOW_COMMIT: (1, 7_000),
    Kind.KILL: (1, 8),
}
_FEES_PAID_IN: Final = ("received", "quote", "base")


@frozen
class Scenario:
    """Hold everything that one run depends on."""

    seed: int
    minutes: int
    faults: tuple[Fault, ...]
    config: AppConfig
    dense: bool

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return what is traded."""
        return tuple(item.symbol for item in self.config.exchange.instruments)


def draw(seed: int, minutes: int, strategies: Sequence[StrategyConfig], *, dense: bool = False) -> Scenario:
    """Return the scenario of *seed* for *strategies*; a *dense* one has no limits but wide ones."""
    config = _config(seed, strategies, DENSE_SYMBOLS if dense else SYMBOLS)
    if dense:
        far = Decimal(1_000_000)
        risk = evolve(
            config.risk,
            max_notional_per_trade=far,
            max_position_notional_per_symbol=far,
            max_portfolio_exposure=far,
            daily_loss_limit=far,
            max_drawdown_limit=far,
            max_open_orders=10_000,
            max_orders_per_window=100_000,
            max_repeated_orders=100_000,
        )
        config = evolve(config, risk=risk)
    return Scenario(seed, minutes, tuple(_faults(seed, minutes)), config, dense)


@cache
def _development() -> AppConfig:
    return load_settings("dev", environ={}).config


def _faults(seed: int, minutes: int) -> Iterator[Fault]:
    chance = Random(f"faults {seed}")  # noqa: S311 - it must repeat.
    for operation, kinds in POSSIBLE.items():
        count = _PER_MINUTE[operation] * minutes
        for kind in kinds:
            if chance.getrandbits(1):
                continue
            rate = _RATES[operation] * chance.choice((0.3, 1, 3))
            rate *= _SHARES.get(kind, 1)
            low, high = _AMOUNTS.get(kind, (0, 0))
            for number in range(count):
                if chance.random() < rate:
                    yield Fault(operation, number, kind, chance.randint(low, high))


def _config(seed: int, strategies: Sequence[StrategyConfig], symbols: Sequence[str]) -> AppConfig:
    """Return settings under which limits are reached now and then."""
    chance = Random(f"settings {seed}")  # noqa: S311 - it must repeat.
    config = _development()
    instruments = tuple(
        InstrumentConfig(
            symbol,
            tick_size=Decimal("0.01"),
            lot_size=Decimal("0.0001"),
            min_quantity=Decimal("0.0001"),
            min_notional=Decimal(5),
        )
        for symbol in symbols
    )
    risk = evolve(
        config.risk,
        max_notional_per_trade=Decimal(chance.choice((700, 1_000, 2_000))),
        max_position_notional_per_symbol=Decimal(2_500),
        max_portfolio_exposure=Decimal(chance.choice((1_500, 4_000))),
        daily_loss_limit=Decimal(chance.choice((30, 300, 3_000))),
        max_drawdown_limit=Decimal(chance.choice((20, 400, 4_000))),
        max_open_orders=chance.choice((2, 10)),
        max_orders_per_window=chance.choice((8, 30)),
        breaker_cool_down_s=20,
    )
    exchange = ExchangeConfig(
        instruments=instruments,
        balances={"USDT": Decimal(100_000)},
        fees=FeesConfig(paid_in=chance.choice(_FEES_PAID_IN)),
    )
    return evolve(
        config,
        mode=Mode.PAPER,
        seed=seed,
        exchange=exchange,
        risk=risk,
        strategies=tuple(strategies),
        execution=evolve(config.execution, fill_model="volume", reconcile_interval_s=chance.choice((5, 30))),
    )
