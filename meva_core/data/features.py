"""Define what a feature is: a deterministic summary of the past that strategies read.

A feature is updated once per sample (a trade, or a closed candle) and is part of every checkpoint, so a
strategy that keeps its memory in features can be stopped and resumed at any event.
On the path to a decision floats use + - * / and square roots alone: those are exact to the bit everywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from meva_core.model.market import Candle


class Feature(ABC):
    """Summarise a stream of samples; *warm_up* samples must pass before *value* means anything."""

    __slots__ = ()  # A feature that declares its slots is updated faster; one that does not works too.

    warm_up: int

    @abstractmethod
    def update(self, price: int, quantity: int) -> None:
        """Take one sample: *price* in ticks, *quantity* in lots."""

    def update_candle(self, candle: Candle) -> None:
        """Take one closed candle; by default its close and volume."""
        self.update(candle.close, candle.volume)

    @property
    @abstractmethod
    def value(self) -> float:
        """Return the current value (in ticks, unless the feature says otherwise)."""

    @abstractmethod
    def snapshot(self) -> list[Any]:
        """Return the whole memory as JSON-like values (ints, floats, lists)."""

    @abstractmethod
    def restore(self, memory: list[Any]) -> None:
        """Take over the memory that `snapshot` returned."""
