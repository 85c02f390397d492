"""Let the n-th operation of a session on its disk fail, and tell what becomes of the session."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

from attrs import define, field, frozen

from meva_core.errors import StorageError
from tests.crash.power_cuts import Findings, digests, quick_folder
from tests.crash.power_loss import Recording, images
from tests.crash.reference import REFERENCE, Script, play_on
from tests.crash.sqlite_disk import OK, mounted


@frozen
class Failure:
    """Name what fails, and with which code SQLite's own disk reports it; *lasting* failures stay from then on."""

    kind: str
    error: str
    code: int
    lasting: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.error}{', lasting' if self.lasting else ''}"


# What os_unix.c makes of an ENOSPC, an EIO or a busy lock in each operation.
FAILURES: Final = tuple(
    Failure(kind, error, code, lasting)
    for kind, error, code in (
        ("write", "ENOSPC", sqlite3.SQLITE_FULL),
        ("write", "EIO", sqlite3.SQLITE_IOERR_WRITE),
        ("sync", "EIO", sqlite3.SQLITE_IOERR_FSYNC),
        ("truncate", "EIO", sqlite3.SQLITE_IOERR_TRUNCATE),
        ("open", "EIO or ENOSPC", sqlite3.SQLITE_CANTOPEN),
        ("read", "EIO", sqlite3.SQLITE_IOERR_READ),
        ("lock", "BUSY", sqlite3.SQLITE_BUSY),
        ("lock", "EIO", sqlite3.SQLITE_IOERR_LOCK),
        ("size", "EIO", sqlite3.SQLITE_IOERR_FSTAT),
        ("access", "EIO", sqlite3.SQLITE_IOERR_ACCESS),
        ("delete", "EIO", sqlite3.SQLITE_IOERR_DELETE),
    )
    for lasting in (False, True)
)


@define
class FailingDisk(Recording):
    """Fail on the n-th operation of a kind, and on every later one when the failure lasts."""

    failure: Failure = field(kw_only=True)
    nth: int = field(kw_only=True)
    count: int = 0

    @property
    def failed(self) -> bool:
        """Return whether it came to that."""
        return self.count >= self.nth

    def refusal(self, kind: str) -> int:
        """Return the failure's code when it is due."""
        if kind != self.failure.kind:
            return OK
        self.count += 1
        due = self.count == self.nth or (self.failure.lasting and self.failed)
        return self.failure.code if due else OK


@define
class Outcomes:
    """Count what became of the sessions of one failure, one for each n."""

    sessions: int = 0
    stopped: int = 0
    after: Findings = field(factory=Findings)
    problems: Counter[str] = field(factory=Counter)


def fail_every(failure: Failure, *, script: Script = REFERENCE) -> Outcomes:
    """Fail on operation 1, 2, 3 ... of a kind until a whole session passes without coming to it."""
    expected, outcomes, draw = digests(script), Outcomes(), Random(str(failure))
    while _fail(failure, outcomes, script=script, expected=expected, draw=draw):
        outcomes.sessions += 1
    return outcomes


def _fail(failure: Failure, outcomes: Outcomes, *, script: Script, expected: list[str], draw: Random) -> bool:
    """Run one session into *failure*; return whether it came to it."""
    disk = FailingDisk(failure=failure, nth=outcomes.sessions + 1)
    with quick_folder() as folder, quick_folder() as aside:
        path = folder / "session.db"
        stopped = _stopped(disk, script, path)
        if not disk.failed:
            assert not stopped
            return False
        outcomes.stopped += bool(stopped)
        outcomes.problems[stopped] += 1
        returned = len(disk.returned)
        assert stopped or returned + 1 == len(expected), "it stops with an error, or passes whole"
        facts = f"{failure} at {disk.nth} ({stopped})"
        # The power goes, too: what a failed sync was about may be gone, whatever a later one says.
        [(_, image)] = images(disk.operations, moments=[len(disk.operations)], draw=draw, before={})
        image.lay_out(aside)
        outcomes.after.judge(aside / "session.db", expected, returned, f"{facts}, then {image.fates}")
        outcomes.after.judge(path, expected, returned, facts)
        play_on(path)
    return True


def _stopped(disk: FailingDisk, script: Script, path: Path) -> str:
    """Play *script* on *disk*; return the store's own error in short, or nothing when it passed."""
    with mounted(disk):
        try:
            script.play(path, done=disk.done)
        except StorageError as problem:
            return problem.problem
    return ""
