"""A process that is killed at any moment leaves a session with every commit that had returned, and whole ones only."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from tests.integration.storage import committer

ROOT = Path(__file__).parents[3]


def killed(path: Path, *, after_lines: int, delay_s: float) -> int:
    """Let a process commit, kill it *delay_s* after so many lines, and return the last sequence that it printed."""
    command = [sys.executable, "-m", "tests.integration.storage.committer", path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after_lines)]
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines()
    assert -signal.SIGKILL == process.returncode
    numbers = [int(line) for line in lines if line.strip().isdigit()]
    return numbers[-1] if numbers else 0


def test_killed_between_and_amid_commits(tmp_path: Path) -> None:
    """Round after round on the same file, what was committed is there, equal, and the journal goes on."""
    draw = random.Random(7)
    path = tmp_path / "session.db"
    for _ in range(5):
        returned = killed(path, after_lines=draw.randrange(2, 40), delay_s=draw.uniform(0, 0.02))
        with SessionTape(path) as tape:
            read = list(tape.entries())
        session = SqliteSession.open(path)
        continued = list(session.entries())
        found = session.load_latest()
        session.abandon()

        assert returned <= len(read) <= returned + committer.EVENTS
        assert [committer.expected(sequence) for sequence in range(1, len(read) + 1)] == read == continued
        assert 0 == len(read) % committer.EVENTS
        assert found is not None
        assert {"after": found[0]} == found[1]
        assert len(read) - 3 * committer.EVENTS < found[0] <= len(read)


@pytest.mark.parametrize("delay_s", [0.0, 0.002, 0.006])
def test_killed_at_the_beginning(tmp_path: Path, delay_s: float) -> None:
    """A session whose creation was cut off says so; otherwise it can be continued."""
    path = tmp_path / "session.db"
    returned = killed(path, after_lines=1, delay_s=delay_s)
    try:
        session = SqliteSession.open(path)
        last_sequence = session.last_sequence()
        session.close()
    except StorageError as problem:
        last_sequence = 0
        begun = "was only begun" in str(problem) or "does not exist" in str(problem)
    else:
        begun = True

    assert begun
    assert returned <= last_sequence <= returned + committer.EVENTS
