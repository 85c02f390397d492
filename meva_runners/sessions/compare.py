"""Compare recorded sessions: read each once for its report, and their decisions in step; lay out nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import orjson

from meva_adapters.feed.session_tape import SessionTape
from meva_core.errors import DataError
from meva_core.ops.comparison import Comparison, Decision, Difference, compared, first_difference
from meva_core.ops.report import Report
from meva_runners.sessions.report import report_of

RUNS_MAX = 12
_TWO = 2


def compare_sessions(
    paths: Sequence[Path], names: Sequence[str] | None = None
) -> tuple[Comparison, list[Report]]:
    """Return the sessions at *paths* side by side, with the report of each; *names* stand for them.

    Raise `DataError` for fewer than two or more than `RUNS_MAX`, and what `report_of` raises.
    """
    if not _TWO <= len(paths) <= RUNS_MAX:
        raise DataError("compare", 0, f"{len(paths)} sessions were named.", f"Name 2 to {RUNS_MAX} of them.")
    reports = [report_of(path) for path in paths]
    names = names or names_of(paths)
    differences = [
        difference
        for name, path in zip(names[1:], paths[1:], strict=True)
        if (difference := _first(name, paths[0], path)) is not None
    ]
    return compared(names, reports, differences), reports


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each path, no two alike."""
    stems = Counter(path.stem for path in paths)
    return [
        path.stem if stems[path.stem] == 1 else f"{number} {path.stem}"
        for number, path in enumerate(paths, start=1)
    ]


def _first(name: str, one: Path, other: Path) -> Difference | None:
    with ExitStack() as opened:
        ours = opened.enter_context(SessionTape(one))
        theirs = opened.enter_context(SessionTape(other))
        return first_difference(name, _decisions(ours), _decisions(theirs))


def _decisions(tape: SessionTape) -> Iterator[Decision]:
    for sequence, time_ns, _, _, _, decisions, _ in tape.journal_rows():
        if decisions is not None:
            for text in orjson.loads(decisions):
                yield sequence, time_ns, text
