"""Find strategies by name; load no code: whoever may import a user's module registers its class here."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

import attrs

from meva_core.errors import ConfigError, UnknownStrategyError
from meva_core.signals.strategies.mean_reversion import MeanReversion
from meva_core.signals.strategies.momentum import Momentum
from meva_core.signals.strategies.sma_cross import SmaCross
from meva_core.signals.strategy import Strategy

_METHODS: Final = ("features", "acts", "generate_signal")


class StrategyRegistry:
    """Map names to strategy classes; a name is given once and never changes its meaning.

    >>> registry = StrategyRegistry(builtin_strategies())
    >>> registry.get("sma_cross")(fast=5, slow=20)
    SmaCross(fast=5, slow=20, quantity=Decimal('0.1'), timeframe=None)
    """

    def __init__(self, table: Mapping[str, type[Strategy]]) -> None:
        self._table: dict[str, type[Strategy]] = {}
        for name, strategy in table.items():
            self.register(name, strategy)

    def register(self, name: str, strategy: type[Strategy]) -> None:
        """Add *strategy* under *name*; raise `ConfigError` when the name is taken or it is no strategy.

        Its parameters must be attrs fields, so that configuration can set and check them.
        """
        if name in self._table:
            taken = self._table[name].__qualname__
            raise ConfigError((f"strategy name {name!r} is taken by {taken}; choose another",))
        missing = [method for method in _METHODS if not callable(getattr(strategy, method, None))]
        if missing:
            raise ConfigError((f"strategy {name!r}: {strategy!r} has no {', '.join(missing)}",))
        has_fields: bool = attrs.has(strategy)
        if not has_fields:
            raise ConfigError((f"strategy {name!r}: decorate {strategy.__qualname__} with @attrs.frozen",))
        self._table[name] = strategy

    def get(self, strategy_name: str) -> type[Strategy]:
        """Return the class registered as *strategy_name*; calling it with parameters makes the strategy."""
        try:
            return self._table[strategy_name]
        except KeyError:
            nearest = get_close_matches(strategy_name, self.names(), n=1)
            raise UnknownStrategyError(strategy_name, self.names(), nearest[0] if nearest else "") from None

    def names(self) -> tuple[str, ...]:
        """Return every registered name, sorted."""
        return tuple(sorted(self._table))


def builtin_strategies() -> dict[str, type[Strategy]]:
    """Return the strategies that are shipped, by name."""
    return {"mean_reversion": MeanReversion, "momentum": Momentum, "sma_cross": SmaCross}
