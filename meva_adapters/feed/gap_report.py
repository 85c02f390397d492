"""Look through fetched rows for what is missing, repeated or out of order; trust nobody who wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import field, frozen

_GAPS_KEPT: Final = 1_000


@frozen
class Gap:
    """Say that *missing* rows lie between two keys: ids of trades, or opening times of bars in ms. -1 is open."""

    after: int
    before: int
    missing: int


@frozen(kw_only=True)
class GapReport:
    """Say what a file holds. *gaps* are the first thousand; *missing* counts the rows of all of them."""

    rows: int
    first: int | None
    last: int | None
    missing: int
    repeated: int
    gaps: tuple[Gap, ...] = field(repr=False)


def report_gaps(
    keys: Iterable[int], *, step: int, first: int | None = None, end: int | None = None
) -> GapReport:
    """Return what is wrong with *keys*, which should rise by *step*.

    They should begin with *first* and end before *end*, where these are known.
    """
    gaps: list[Gap] = []
    rows = missing = repeated = 0
    begin = last = None
    expected = first
    for key in keys:
        rows += 1
        begin = key if begin is None else begin
        if last is not None and key <= last:
            repeated += 1
            continue
        if expected is not None and key > expected:
            count = (key - expected) // step
            missing += count
            if len(gaps) < _GAPS_KEPT:
                gaps.append(Gap(-1 if last is None else last, key, count))
        last, expected = key, key + step
    if end is not None and expected is not None and expected < end:
        count = (end - expected) // step
        missing += count
        if count and len(gaps) < _GAPS_KEPT:
            gaps.append(Gap(-1 if last is None else last, -1, count))
    return GapReport(rows=rows, first=begin, last=last, missing=missing, repeated=repeated, gaps=tuple(gaps))
