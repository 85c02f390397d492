"""A process that is killed at any moment leaves every commit that had returned, whole, in an unbroken chain.

E1, R2 and I19: real processes and SIGKILL. Some are killed while they recover from the one before them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from attrs import define, field

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from meva_core.ports.storage import JournalEntry
from tests.integration.storage import committer

ROOT = Path(__file__).parents[2]
# So many processes commit to one file, one after the other.
KILLS_PER_FILE = 10
# Making a session takes some 5 ms, a commit 1 ms; most are killed amid their work, some before it.
LIFE_S_MAX = 0.06


@define
class Nursery:
    """Start processes that commit, and kill them."""

    process: subprocess.Popen[str]

    def killed(self, path: Path, *, life_s: float) -> int:
        """Let a process commit to *path*, kill it after *life_s*, and return the last commit that it told of."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(path, file=self.process.stdin, flush=True)
        last = 0
        for line in self.process.stdout:
            match line.split():
                case ["pid", number]:
                    time.sleep(life_s)
                    os.kill(int(number), signal.SIGKILL)
                case ["gone", status]:
                    assert -signal.SIGKILL == int(status), "it was killed, and did not end by itself"
                    return last
                case [number] if number.isdigit():
                    last = int(number)
                case other:
                    assert other in (["begin"], []), f"the process says {line}"
        raise AssertionError("the nursery has ended")


@contextmanager
def nursery(module: str = committer.__name__) -> Iterator[Nursery]:
    """Give a nursery for processes that run *module*, and end it."""
    command = [sys.executable, "-m", "tests.crash.nursery", module]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


@define
class Tally:
    """Count what was killed, and what was there afterwards."""

    kills: int = 0
    begun: int = 0
    entries: int = 0
    unsaid: int = 0
    lost: list[str] = field(factory=list)

    def look(self, path: Path, *, returned: int, opened: bool) -> int:
        """Compare the session at *path* to what was told of it; return where it ends.

        Reading goes to a copy, so that the next process recovers from this one; *opened* recovers here and now.
        """
        self.kills += 1
        try:
            found = self._continued(path) if opened else self._read(path)
        except StorageError as problem:
            if "was only begun" not in str(problem) and "does not exist" not in str(problem):
                raise
            self.begun += 1
            path.unlink(missing_ok=True)
            found = 0
        # A commit may have been durable whose process could not tell of it any more.
        if found not in {returned, returned + committer.EVENTS}:
            self.lost.append(f"{path.name}: told of {returned}, found {found}")
        self.unsaid += found > returned
        self.entries += found
        return found

    @staticmethod
    def _read(path: Path) -> int:
        with SessionTape(path) as tape:
            return _unbroken(list(tape.entries()))

    @staticmethod
    def _continued(path: Path) -> int:
        session = SqliteSession.open(path)
        try:
            last = _unbroken(list(session.entries()))
            found = session.load_latest()
            assert found is None or {"after": found[0]} == found[1]
            assert last == session.last_sequence()
        finally:
            session.abandon()
        return last


def _unbroken(entries: list[JournalEntry]) -> int:
    """Check that the entries are those which were committed, from the first on; return the last sequence."""
    assert [committer.expected(sequence) for sequence in range(1, len(entries) + 1)] == entries
    return len(entries)


def kill(count: int, folder: Path, *, seed: int) -> Tally:
    """Kill *count* processes at moments drawn from *seed*."""
    draw, tally, last = Random(seed), Tally(), 0
    with nursery() as processes:
        for number in range(count):
            path = folder / f"session-{number // KILLS_PER_FILE}.db"
            if number % KILLS_PER_FILE == 0:
                last = 0
            returned = processes.killed(path, life_s=draw.uniform(0, LIFE_S_MAX)) or last
            last = tally.look(path, returned=returned, opened=draw.random() < 0.3)
    return tally


def test_ten_killed_processes_lose_nothing(tmp_path: Path) -> None:
    """A sample: each finds what the one before it left, and goes on from there."""
    tally = kill(10, tmp_path, seed=1)

    assert (10, []) == (tally.kills, tally.lost)
    assert tally.entries


@pytest.mark.prove
def test_a_thousand_killed_processes_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """R2, at the store: a thousand kills."""
    started = time.perf_counter()
    tally = kill(1_000, tmp_path, seed=2)
    with capsys.disabled():
        print(
            f"\n{tally.kills:,} SIGKILLs, {1_000 * (time.perf_counter() - started) / tally.kills:.0f} ms each,"
            f" {tally.begun} of them amid the making of a session: {len(tally.lost)} with a lost or torn commit,"
            f" {tally.unsaid} with one that was durable and not yet told of; {tally.entries:,} entries compared."
        )

    assert (1_000, []) == (tally.kills, tally.lost)
