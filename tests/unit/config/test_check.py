"""What is valid in a configuration: each rule has an example that breaks it, and that alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from meva_core.commands import AlertLevel
from meva_core.config.check import ALERT_LEVELS, FILL_MODELS, check
from meva_core.config.codes import Code
from meva_core.config.schema import (
    AppConfig,
    DigestConfig,
    ExecutionConfig,
    FeesConfig,
    StrategyConfig,
    TreasuryConfig,
)
from tests.unit.config.examples import exchange, instrument, live, risk, valid


def strategies(*configured: StrategyConfig) -> AppConfig:
    """Return the valid configuration with other strategies."""
    return valid(strategies=configured)


def digest(**fields: Any) -> AppConfig:
    """Return the valid configuration with another digest."""
    return valid(observability=evolve(valid().observability, digest=DigestConfig(**fields)))


def channels(**levels: str) -> AppConfig:
    """Return the valid configuration with the alert channel `log`, and levels for channels."""
    observability = evolve(valid().observability, alert_channels=("log",), channel_levels=levels)
    return valid(observability=observability)


BROKEN = [
    (Code.NOT_A_CHOICE, "execution.fill_model", valid(execution=ExecutionConfig(fill_model="magic"))),
    (Code.NOT_A_CHOICE, "exchange.fees.paid_in", exchange(fees=FeesConfig(paid_in="recieved"))),
    (Code.BAD_NAME, "env", valid(env="prod; rm")),
    (Code.BAD_NAME, "account", valid(account="main account")),
    (Code.BAD_NAME, "exchange.balances.usdt", exchange(balances={"usdt": Decimal(1)})),
    (Code.BAD_NAME, "strategies.0.name", strategies(StrategyConfig("os; rm"))),
    (
        Code.BAD_NAME,
        "observability.statsd_prefix",
        valid(observability=evolve(valid().observability, statsd_prefix="a:b")),
    ),
    (Code.MISSING, "exchange.instruments", evolve(exchange(instruments=()), strategies=())),
    (
        Code.BAD_SYMBOL,
        "exchange.instruments.1.symbol",
        exchange(instruments=(instrument(), instrument("BTCUSDT"))),
    ),
    (
        Code.BAD_SYMBOL,
        "exchange.instruments.1.symbol",
        exchange(instruments=(instrument(), instrument("eth/usdt"))),
    ),
    (Code.DUPLICATE, "exchange.instruments.1.symbol", exchange(instruments=(instrument(), instrument()))),
    (Code.UNKNOWN_SYMBOL, "strategies.0.symbols.0", strategies(StrategyConfig("momentum", ("ETH/USDT",)))),
    (Code.DUPLICATE, "strategies.0.symbols.1", strategies(StrategyConfig("momentum", ("BTC/USDT",) * 2))),
    (Code.DUPLICATE, "strategies.1", strategies(StrategyConfig("a"), StrategyConfig("a"))),
    (
        Code.DUPLICATE,
        "strategies.1.symbols.0",
        strategies(StrategyConfig("a"), StrategyConfig("a", ("BTC/USDT",))),
    ),
    (Code.NO_MARK, "exchange.balances.BNB", exchange(balances={"BNB": Decimal(1)})),
    (Code.NO_MARK, "exchange.fees.paid_in", exchange(fees=FeesConfig(paid_in="BNB"))),
    (
        Code.NO_MARK,
        "exchange.instruments.1.symbol",
        exchange(instruments=(instrument(), instrument("ETH/EUR"))),
    ),
    (Code.OFF_GRID, "exchange.instruments.0.lot_size", exchange(instruments=(instrument(asset_decimals=2),))),
    (
        Code.OFF_GRID,
        "exchange.instruments.0.min_quantity",
        exchange(instruments=(instrument(min_quantity=Decimal("0.0015")),)),
    ),
    (Code.CONTRADICTION, "risk.max_notional_per_trade", risk(max_notional_per_trade=Decimal(501))),
    (Code.CONTRADICTION, "risk.max_position_notional_per_symbol", risk(max_portfolio_exposure=Decimal(499))),
    (
        Code.CONTRADICTION,
        "exchange.instruments.0.min_notional",
        exchange(instruments=(instrument(min_notional=Decimal(101)),)),
    ),
    (
        Code.CONTRADICTION,
        "exchange.instruments.0.min_quantity",
        exchange(instruments=(instrument(min_quantity=Decimal(2), max_quantity=Decimal(1)),)),
    ),
    (Code.OUT_OF_RANGE, "risk.daily_loss_limit", risk(daily_loss_limit=Decimal(0))),
    (Code.OUT_OF_RANGE, "risk.price_collar_bps", risk(price_collar_bps=Decimal("NaN"))),
    (Code.OUT_OF_RANGE, "risk.max_open_orders", risk(max_open_orders=0)),
    (Code.OUT_OF_RANGE, "seed", valid(seed=-1)),
    (
        Code.OUT_OF_RANGE,
        "signals.min_confidence",
        valid(signals=evolve(valid().signals, min_confidence=float("nan"))),
    ),
    (Code.OUT_OF_RANGE, "exchange.balances.USDT", exchange(balances={"USDT": Decimal(-1)})),
    (Code.OUT_OF_RANGE, "treasury.reserve_share", valid(treasury=TreasuryConfig(reserve_share=Decimal(20)))),
    (
        Code.OUT_OF_RANGE,
        "execution.unknown_query_schedule_s",
        valid(execution=ExecutionConfig(unknown_query_schedule_s=())),
    ),
    (
        Code.OUT_OF_RANGE,
        "execution.unknown_query_schedule_s",
        valid(execution=ExecutionConfig(unknown_query_schedule_s=(Decimal(2), Decimal(1)))),
    ),
    (Code.RECV_WINDOW, "exchange.recv_window_ms", exchange(recv_window_ms=60_000)),
    (Code.NOT_A_CHOICE, "observability.digest.below", digest(below="critical")),
    (Code.NOT_A_CHOICE, "observability.channel_levels.log", channels(log="loud")),
    (Code.NOT_A_CHOICE, "observability.channel_levels.pager", channels(pager="high")),
    (Code.BAD_HOURS, "observability.digest.at", digest(at="7:00")),
    (Code.BAD_HOURS, "observability.digest.quiet_hours", digest(quiet_hours="22:00")),
    (Code.OUT_OF_RANGE, "observability.digest.every_s", digest(every_s=0)),
    (Code.OUT_OF_RANGE, "observability.digest.every_s", digest(every_s=50_000)),
]


@pytest.mark.parametrize(("code", "path", "config"), BROKEN, ids=[f"{row[0]}-{row[1]}" for row in BROKEN])
def test_a_broken_rule_is_reported_once(code: Code, path: str, config: AppConfig) -> None:
    """Each rule reports its own fault at its own key, and no other rule joins in."""
    problems = check(config)

    assert [(code, path)] == [(problem.code, problem.path) for problem in problems]


@pytest.mark.parametrize(
    "config",
    [
        valid(),
        live(),
        valid(strategies=()),
        strategies(StrategyConfig("pkg.mod:Mine")),
        channels(log="critical"),
        digest(below="high", at="07:00", every_s=21_600, quiet_hours="22:00-06:00"),
    ],
)
def test_a_valid_configuration_has_no_problem(config: AppConfig) -> None:
    """Defaults with one instrument, live mode with all it needs, and strategies of one's own pass."""
    assert [] == check(config)


def test_faults_are_reported_together() -> None:
    """Range, choice, name and contradiction are found in one go."""
    config = evolve(
        risk(max_notional_per_trade=Decimal(600), max_open_orders=0),
        account="",
        execution=ExecutionConfig(fill_model="books"),
    )

    assert [
        (Code.OUT_OF_RANGE, "risk.max_open_orders"),
        (Code.NOT_A_CHOICE, "execution.fill_model"),
        (Code.BAD_NAME, "account"),
        (Code.CONTRADICTION, "risk.max_notional_per_trade"),
    ] == [(problem.code, problem.path) for problem in check(config)]


def test_the_levels_are_those_of_alerts() -> None:
    """What can be configured is what is raised, in the same order."""
    assert [level.value for level in AlertLevel] == list(ALERT_LEVELS)


def test_a_near_miss_is_offered() -> None:
    """The remedy names the known word that is closest."""
    (problem,) = check(valid(execution=ExecutionConfig(fill_model="bok")))

    assert "Did you mean book?" == problem.remedy


@pytest.mark.parametrize("model", FILL_MODELS)
def test_every_fill_model_can_be_chosen(model: str) -> None:
    """What is offered is accepted."""
    assert [] == check(valid(execution=ExecutionConfig(fill_model=model)))


def test_a_chain_of_two_markets_values_an_asset() -> None:
    """ETH is valued through ETH/BTC and BTC/USDT, as the valuation does."""
    config = exchange(instruments=(instrument(), instrument("ETH/BTC")), balances={"ETH": Decimal(1)})

    assert [] == check(config)


def test_a_third_asset_that_has_a_market_may_pay_fees() -> None:
    """Fees in BNB need a mark for BNB, and nothing else."""
    config = exchange(instruments=(instrument(), instrument("BNB/USDT")), fees=FeesConfig(paid_in="BNB"))

    assert [] == check(config)
