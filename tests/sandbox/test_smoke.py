"""`make smoke` finds a whole agent working, and says which step is not, when one is not."""

from __future__ import annotations

import os
import subprocess
import sys


def smoke(**variables: str) -> subprocess.CompletedProcess[str]:
    """Run the smoke test."""
    command = [sys.executable, "-m", "meva_runners.smoke"]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, env=os.environ | variables
    )


def test_a_whole_agent_trades_pauses_resumes_is_killed_and_verifies() -> None:
    """Every step is told, in its order."""
    done = smoke()
    steps = [line.removeprefix("ok").strip() for line in done.stdout.splitlines()]

    assert 0 == done.returncode, done.stderr
    assert "it trades" == steps[0]
    assert ["the session verifies", "All is well."] == steps[-2:]


def test_an_agent_that_cannot_start_is_told_with_its_own_words() -> None:
    """A setting that nobody can have is the reason, and the status is 1."""
    done = smoke(MEVA__RISK__MAX_OPEN_ORDERS="many")

    assert 1 == done.returncode
    assert "the agent did not start" in done.stderr
    assert "max_open_orders" in done.stderr
