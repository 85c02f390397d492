"""Whichever operation of a session fails on its disk, it stops with an error of ours or goes on, and loses nothing.

E3, E4 and R4, by SQLite's own method: fail on the n-th operation for n = 1, 2, 3 ... until a whole session passes.
Each session is then opened again twice: as it lies there, and after a loss of power on top.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from tests.crash.failing_disk import FAILURES, FailingDisk, Failure, Outcomes, fail_every
from tests.crash.reference import Script, Step
from tests.crash.sqlite_disk import mounted
from tests.integration.storage.sessions import closed_session

QUICK = tuple(failure for failure in FAILURES if failure.kind in {"sync", "open", "lock"})
[READ] = (failure for failure in FAILURES if failure.kind == "read" and failure.lasting)


class Hasty(Script):
    """Believe each step to be durable before it was taken."""

    def play(self, path: Path, *, done: Step) -> None:
        done()
        super().play(path, done=done)


def assert_nothing_lost(outcomes: Outcomes) -> None:
    """Check every session of one failure."""
    assert ({}, 0) == (outcomes.after.broken, outcomes.after.lost)
    assert 2 * outcomes.sessions == outcomes.after.sound
    assert all(
        problem in {"", "is in use by another program."} or problem.startswith("failed: ")
        for problem in outcomes.problems
    )


@pytest.mark.parametrize("failure", QUICK, ids=str)
def test_a_failing_operation_loses_nothing(failure: Failure) -> None:
    """Every sync, opening and lock of a whole session fails in turn, for once and for good."""
    outcomes = fail_every(failure)

    assert_nothing_lost(outcomes)
    assert outcomes.sessions > 5
    assert outcomes.stopped


def test_a_program_that_is_too_hasty_is_found() -> None:
    """The check can fail: who takes a step for durable too early loses it at the first failure."""
    [failure] = (failure for failure in QUICK if failure.kind == "open" and failure.lasting)

    assert fail_every(failure, script=Hasty()).after.lost


@pytest.mark.parametrize("opening", [SqliteSession.open, SessionTape], ids=["continue", "read"])
def test_a_disk_that_cannot_read_is_no_damage(tmp_path: Path, opening: type[SessionTape]) -> None:
    """Whichever page it fails on, nobody is told to replace a file that is sound."""
    path = closed_session(tmp_path / "session.db")
    problems = []
    while True:
        disk = FailingDisk(failure=READ, nth=len(problems) + 1)
        with mounted(disk):
            try:
                opening(path).close()
            except StorageError as problem:
                problems.append(str(problem))
        if not disk.failed:
            break

    assert len(problems) > 10
    assert [] == [problem for problem in problems if "failed: " not in problem or "damaged" in problem]
    opening(path).close()


@pytest.mark.prove
def test_every_failing_operation_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """R4: every operation of every kind, with each error, for once and for good."""
    lines, total = [], 0
    started = time.perf_counter()
    for failure in FAILURES:
        outcomes = fail_every(failure)
        assert_nothing_lost(outcomes)
        total += outcomes.sessions
        lines.append(f"{failure}: n = 1 to {outcomes.sessions}, {outcomes.stopped} stopped with an error")
    with capsys.disabled():
        print(
            "",
            *lines,
            f"{total:,} sessions with a failing operation, {total / (time.perf_counter() - started):.0f}/s:"
            " 0 acknowledged commits lost, 0 corrupt, all opened again, after a loss of power too.",
            sep="\n",
        )
