"""Bound the windows of features and make their rings; calculate nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from meva_core.errors import ConfigError, InvariantError

# A ring of a million integers takes some 40 MB, and warms up only after a million samples.
SIZE_MAX: Final = 1_000_000


def window_size(feature: str, size: int, *, least: int = 1) -> int:
    """Return *size* if it is a whole number from *least* to `SIZE_MAX`; raise `ConfigError` otherwise."""
    if type(size) is int and least <= size <= SIZE_MAX:
        return size
    raise ConfigError((f"{feature}: size must be a whole number from {least} to {SIZE_MAX}, not {size!r}",))


def zeros(size: int) -> deque[int]:
    """Return a full ring of zeros: every `append` drops the oldest, which is `ring[0]` before."""
    return deque((0,) * size, maxlen=size)


def moved(ring: deque[int], values: Sequence[int]) -> int:
    """Append *values* to the full *ring*; return by how much the sum of what it holds has changed."""
    if len(values) < len(ring):
        change = sum(values) - sum(islice(ring, len(values)))
        ring.extend(values)
        return change
    before = sum(ring)
    ring.extend(values)
    return sum(ring) - before


def restored(values: list[Any], size: int) -> deque[int]:
    """Return the ring that a checkpoint holds; raise `InvariantError` when it belongs to another window."""
    if len(values) != size:
        raise InvariantError("a checkpoint fits its features", f"{len(values)} values for a window of {size}")
    return deque(values, maxlen=size)
