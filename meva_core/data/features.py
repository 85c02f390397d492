"""Define what a feature is: a deterministic summary of the past that strategies read.

A feature is updated once per sample (a trade, or a closed candle) and is part of every checkpoint, so a
strategy that keeps its memory in features can be stopped and resumed at any event. A replay may also take many
samples at once, by `extend`, and look at the values of all of them in columns: both give the same bits.
On the path to a decision floats use + - * / and square roots alone: those are exact to the bit everywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from meva_core.model.market import Candle


class Feature(ABC):
    """Summarise a stream of samples; *warm_up* samples must pass before *value* means anything.

    *shown* names the attributes, numbers all of them, that a guard may read where it is given whole columns.
    """

    __slots__ = ()  # A feature that declares its slots is updated faster; one that does not works too.

    shown: ClassVar[tuple[str, ...]] = ("value",)

    warm_up: int

    @abstractmethod
    def update(self, price: int, quantity: int) -> None:
        """Take one sample: *price* in ticks, *quantity* in lots."""

    def update_candle(self, candle: Candle) -> None:
        """Take one closed candle; by default its close and volume."""
        self.update(candle.close, candle.volume)

    def extend(self, prices: Sequence[int], quantities: Sequence[int]) -> None:
        """Take many samples, oldest first; the same as `update` for each, and where it can be, quicker."""
        for price, quantity in zip(prices, quantities, strict=True):
            self.update(price, quantity)

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


def extension(feature: Feature) -> Callable[[Sequence[int], Sequence[int]], None]:
    """Return how *feature* takes many samples: by its own `extend`, unless a subclass has changed `update` alone."""
    for owner in type(feature).__mro__:
        if "extend" in owner.__dict__:
            return feature.extend
        if "update" in owner.__dict__:
            break

    def one_by_one(prices: Sequence[int], quantities: Sequence[int]) -> None:
        Feature.extend(feature, prices, quantities)

    return one_by_one
