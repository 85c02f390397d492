"""One process at a time trades an account, across sessions, restarts and kills."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meva_adapters.storage.account_lock import AccountLock
from meva_core.errors import StorageError

HOLDER = """
import sys, time
from pathlib import Path
from meva_adapters.storage.account_lock import AccountLock
lock = AccountLock(Path(sys.argv[1]), venue="api.example.com", account="main", holder="agent one")
print("held", flush=True)
time.sleep(60)
"""


def locked(folder: Path, account: str = "main") -> AccountLock:
    """Take the lock in this process."""
    return AccountLock(folder, venue="api.example.com", account=account, holder="agent two")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the account, and end it afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "held\n" == process.stdout.readline()
    yield process
    process.kill()
    process.communicate(timeout=10)


def test_a_second_process_is_refused_and_told_of_the_first(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    """The message names who holds the account."""
    with pytest.raises(StorageError, match=f"in use by agent one .process {holder.pid}."):
        locked(tmp_path)


def test_another_account_is_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """The lock is one account's."""
    locked(tmp_path, "other").close()

    assert holder.poll() is None


def test_a_killed_process_holds_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """The lock dies with its process, so that a restart needs no hand."""
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)

    locked(tmp_path).close()

    [lock] = tmp_path.iterdir()
    assert lock.read_text().startswith("agent two")


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """Nobody makes us write into another file."""
    victim = tmp_path / "victim"
    victim.write_text("keep")
    (tmp_path / "api.example.com-main.lock").symlink_to(victim)

    with pytest.raises(StorageError, match="cannot be opened"):
        locked(tmp_path)

    assert "keep" == victim.read_text()


def test_folder_and_file_are_private(tmp_path: Path) -> None:
    """No other user learns what is traded here."""
    lock = locked(tmp_path / "new")

    assert [0o700, 0o600] == [
        place.stat().st_mode & 0o777 for place in (tmp_path / "new", *(tmp_path / "new").iterdir())
    ]
    lock.close()
