"""What a run's summary warns of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from meva_adapters.settings import load_settings
from meva_core.data.features import Feature
from meva_core.ops.reporting import RunStatistics
from meva_core.signals.strategy import Signal, SignalContext
from meva_runners.composition import ConfiguredStrategy, compose_agent
from meva_runners.run_result import RunFacts, RunSpan, run_result

BTC = "BTC/USDT"


@frozen
class Dividing:
    """Fail at every price."""

    timeframe: str | None = None

    def features(self) -> Mapping[str, Feature]:
        """Need nothing."""
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        """Look at every price."""
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        """Divide by zero."""
        raise ZeroDivisionError


def test_a_strategy_that_was_switched_off_is_warned_of() -> None:
    """Whoever reads the summary of a quiet run learns that nobody traded in it."""
    config = load_settings("dev", overrides=("strategies=[{name: dividing}]",), environ={}).config
    strategies = [ConfiguredStrategy("dividing", Dividing())]
    agent = compose_agent(config, strategies)
    for second in (1, 2):
        agent.path(BTC).on_trade(second * 10**9, 3_000_000, 10, second)

    result = run_result(
        agent,
        RunStatistics("USDT"),
        config,
        strategies,
        facts=RunFacts(config_hash="", tape_hash="", source="here", symbols=(BTC,)),
        span=RunSpan(events=2, first_ns=10**9, last_ns=2 * 10**9, run_seconds=1.0, load_seconds=0.0),
    )

    assert (
        "strategy dividing is switched off: it failed, as the log says, or was not enabled",
    ) == result.warnings
