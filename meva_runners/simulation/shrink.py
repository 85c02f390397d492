"""Shrink a failing plan of faults to one in which every fault is needed (delta debugging)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Final

from meva_adapters.exchange.simulated.faults import Fault, Kind, Operation

Faults = tuple[Fault, ...]
Fails = Callable[[Faults], bool]

_SINGLES_MAX: Final = 30
_TOGETHER_MAX: Final = 3


def shrink(faults: Sequence[Fault], fails: Fails) -> Faults:
    """Return a small part of *faults* with which *fails* still holds: leaving out any one of it passes.

    *faults* stand in the order in which they happened, and *fails* must hold for all of them. Often the newest ones
    are to blame, one alone; else whole kinds are left out first, for most have nothing to do with the failure, and
    then single faults.
    """
    if fails(()):
        return ()  # It fails by itself: no fault is to blame.
    for fault in reversed(faults[-_SINGLES_MAX:]):
        if fails((fault,)):
            return (fault,)
    kinds: dict[tuple[Operation, Kind], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.operation, fault.kind), []).append(fault)
    needed = _flat(_smallest([tuple(group) for group in kinds.values()], fails))
    rest = _flat(_smallest([(fault,) for fault in needed], fails))
    # A fault that is left out moves what later ones hit, so few together may do what no part of one less does.
    for size in range(2, min(len(rest), _TOGETHER_MAX + 1)):
        for few in combinations(reversed(rest), size):
            if fails(few):
                return tuple(sorted(few))
    return tuple(sorted(rest))


def _smallest(groups: list[Faults], fails: Fails) -> list[Faults]:
    """Return the groups of which none can be left out.

    The algorithm is ddmin: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
    Transactions on Software Engineering 28 (2), 2002.
    """
    rest = groups
    parts = 2
    while len(rest) > 1:
        size = -(-len(rest) // parts)
        chunks = [rest[start : start + size] for start in range(0, len(rest), size)]
        smaller = _smaller(chunks, fails)
        if smaller is not None:
            rest = smaller
            parts = max(2, min(parts - 1, len(rest)))
        elif size == 1:
            break
        else:
            parts = min(len(rest), parts * 2)
    return rest


def _smaller(chunks: list[list[Faults]], fails: Fails) -> list[Faults] | None:
    """Return a chunk that fails alone, or what is left when one is taken away; `None` when nothing smaller fails."""
    for chunk in chunks:
        if len(chunks) > 1 and fails(_flat(chunk)):
            return chunk
    for number in range(len(chunks)):
        others = [group for place, chunk in enumerate(chunks) if place != number for group in chunk]
        if others and fails(_flat(others)):
            return others
    return None


def _flat(groups: Iterable[Faults]) -> Faults:
    return tuple(fault for group in groups for fault in group)
