"""The unit for systemd is one that systemd takes, and restarts an agent only where a restart can mend something."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meva_runners.exit_status import CONFIGURATION_INVALID, HALTED, ORDERS_UNKNOWN, PREFLIGHT_FAILED
from meva_runners.trading.watchdog import MISSED_MAX

UNIT = Path(__file__).resolve().parents[3] / "docs" / "meva@.service"
WRONG_USAGE = 2  # click's own.


def settings() -> dict[str, str]:
    """Return the settings of the unit; the last of a name counts."""
    lines = (line.partition("=") for line in UNIT.read_text().splitlines() if not line.startswith(("#", "[")))
    return {name: value for name, _, value in lines if name}


def test_a_killed_agent_is_not_started_again() -> None:
    """Only what may pass by itself is tried again: a bug, and a venue that is not there yet."""
    told = settings()
    never = {int(status) for status in told["RestartPreventExitStatus"].split()}

    assert "on-failure" == told["Restart"]
    assert {WRONG_USAGE, CONFIGURATION_INVALID, HALTED, ORDERS_UNKNOWN} == never
    assert PREFLIGHT_FAILED not in never


def test_systemd_watches_longer_than_the_watchdog_and_is_told_by_the_agent() -> None:
    """The watchdog calls after more than two beats of a second; only then systemd restarts."""
    told = settings()

    assert ("notify", "main") == (told["Type"], told["NotifyAccess"])
    assert MISSED_MAX * 1.0 < float(told["WatchdogSec"]) < 30
    assert ("0700", "0077") == (told["StateDirectoryMode"], told["UMask"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing, once the program exists."""
    copy = tmp_path / "meva@.service"
    copy.write_text(UNIT.read_text().replace("/opt/meva/bin/meva", sys.executable))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )

    assert (0, "") == (checked.returncode, checked.stderr)
