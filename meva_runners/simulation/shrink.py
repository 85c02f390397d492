"""Shrink a failing plan of faults to one in which every fault is needed (delta debugging)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from meva_adapters.exchange.simulated.faults import Fault

Fails = Callable[[tuple[Fault, ...]], bool]


def shrink(faults: Sequence[Fault], fails: Fails) -> tuple[Fault, ...]:
    """Return a smallest part of *faults* with which *fails* still holds: leaving out any one of it passes.

    The algorithm is ddmin: A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE
    Transactions on Software Engineering 28 (2), 2002. *fails* must hold for *faults*.
    """
    if fails(()):
        return ()  # It fails by itself: no fault is to blame.
    rest = tuple(faults)
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


def _smaller(chunks: Sequence[tuple[Fault, ...]], fails: Fails) -> tuple[Fault, ...] | None:
    """Return a chunk that fails alone, or what is left when one is taken away; `None` when nothing smaller fails."""
    for chunk in chunks:
        if len(chunks) > 1 and fails(chunk):
            return chunk
    for number in range(len(chunks)):
        others = tuple(fault for place, chunk in enumerate(chunks) if place != number for fault in chunk)
        if others and fails(others):
            return others
    return None
