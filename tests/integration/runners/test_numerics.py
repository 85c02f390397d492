"""A replay calculates on one thread, whatever numpy was built with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meva_runners.numerics import on_one_thread

TASKS = Path("/proc/self/task")
REPLAYED = """
import os
from meva_runners.replay import main
main(["--json"], standalone_mode=False)
import numpy
print(len(os.listdir("/proc/self/task")))
"""


def threads(**environment: str) -> int:
    """Return how many threads a process has after it replayed the bundled recording."""
    finished = subprocess.run(
        [sys.executable, "-c", REPLAYED],
        check=True,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        | environment,
    )
    return int(finished.stdout.split()[-1])


@pytest.mark.skipif(not TASKS.is_dir(), reason="this system does not list the threads of a process")
def test_a_replay_has_one_thread_unless_more_are_asked_for() -> None:
    """Numpy's pool does not spin beside it; whoever set a variable keeps his word."""
    assert 1 == threads()
    assert min(2, len(os.sched_getaffinity(0))) == threads(OPENBLAS_NUM_THREADS="2")


def test_what_the_environment_says_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is not set is set."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    on_one_thread()

    assert ("3", "1", "1") == tuple(
        os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    )
