"""A strategy that hangs as soon as it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from meva_core.data.features import Feature
from meva_core.signals.strategy import Signal, SignalContext


@frozen
class Endless:
    """Never return."""

    timeframe: str | None = None

    def features(self) -> Mapping[str, Feature]:
        return {}

    def acts(self, features: Any, stance: int) -> bool:
        return True

    def generate_signal(self, ctx: SignalContext) -> Signal | None:
        while True:
            pass
