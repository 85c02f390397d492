"""The registry gives each name one meaning, and helps with a name that it does not know."""

from __future__ import annotations

import pytest
from attrs import frozen

from meva_core.errors import ConfigError, UnknownStrategyError
from meva_core.signals.strategies.momentum import Momentum
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_core.signals.strategy_registry import StrategyRegistry, builtin_strategies


@frozen
class Silent:
    """Name no features and never act: no strategy."""


class Fieldless:
    """Have every method, but no attrs fields."""

    timeframe = None
    features, acts, generate_signal = SmaCross.features, SmaCross.acts, SmaCross.generate_signal


def test_the_shipped_strategies_are_there() -> None:
    """By name, sorted, as classes that make a strategy without parameters."""
    registry = StrategyRegistry(builtin_strategies())

    assert ("mean_reversion", "momentum", "sma_cross") == registry.names()
    assert Momentum() == registry.get("momentum")()


def test_a_registered_class_is_found() -> None:
    """A user's own class stands beside the shipped ones."""
    registry = StrategyRegistry(builtin_strategies())

    registry.register("mine", SmaCross)

    assert registry.get("mine") is SmaCross


def test_a_name_is_given_once() -> None:
    """Even to the same class: two plug-ins that claim one name are a mistake."""
    registry = StrategyRegistry(builtin_strategies())

    with pytest.raises(ConfigError, match="'momentum' is taken by Momentum"):
        registry.register("momentum", SmaCross)
    assert registry.get("momentum") is Momentum


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sma_cros", " Did you mean 'sma_cross'?"), ("momentun", " Did you mean 'momentum'?"), ("zzz", "")],
)
def test_an_unknown_name_is_met_with_the_nearest(name: str, hint: str) -> None:
    """The sentence lists what is known and guesses what was meant."""
    with pytest.raises(UnknownStrategyError) as caught:
        StrategyRegistry(builtin_strategies()).get(name)

    known = "mean_reversion, momentum, sma_cross"
    assert f"unknown strategy {name!r}; known: {known}, or give module:Class.{hint}" == str(caught.value)


def test_what_is_no_strategy_is_refused() -> None:
    """The missing methods are named."""
    with pytest.raises(ConfigError, match="has no features, acts, generate_signal"):
        StrategyRegistry({"silent": Silent})  # type: ignore[dict-item]


def test_a_class_without_fields_is_refused() -> None:
    """Its parameters could not be configured."""
    with pytest.raises(ConfigError, match=r"decorate Fieldless with @attrs\.frozen"):
        StrategyRegistry({"fieldless": Fieldless})


def test_registries_share_nothing() -> None:
    """What one learns, another does not know."""
    StrategyRegistry(builtin_strategies()).register("mine", SmaCross)

    assert "mine" not in StrategyRegistry(builtin_strategies()).names()
