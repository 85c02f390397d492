"""After a loss of power at any moment a session has every commit that had returned, whole, and nothing torn.

E2, R3 and I22: real SQLite under the store's own settings, on a recorded disk whose unsynced writes are dropped,
swapped and torn. A tenth of the images lose power once more amid the recovery (I20).
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.schema import APPLICATION_ID
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from tests.crash.power_cuts import Findings, lose_power, recorded
from tests.crash.power_loss import Image, apply
from tests.crash.reference import Script, small_log

# The first page of a session whose other pages are still missing.
MIGRATED_PAGE = (
    b"SQLite format 3\0\x10\0\1\1\0\x40\x20\x20" + bytes(4) + (20).to_bytes(4) + bytes(36)
    + APPLICATION_ID.to_bytes(4) + bytes(4_024)
)  # fmt: skip


# Long enough for the log to be folded where the store itself does it, after a thousand pages.
LONG = Script(rounds=32, sitting=32, prepare=lambda _: None)


def less_safe(level: str) -> Findings:
    """Return what a store finds that syncs less than ours."""

    def prepare(connection: sqlite3.Connection) -> None:
        small_log(connection)
        connection.execute(f"PRAGMA synchronous = {level}").fetchall()

    return lose_power(60, seed=3, script=Script(prepare=prepare))


def test_no_acknowledged_commit_is_lost() -> None:
    """A sample of moments: every image opens, after the last commit that had returned or the one under way."""
    findings = lose_power(200, seed=1)

    assert ({}, 0, 200) == (findings.broken, findings.lost, findings.sound)
    assert findings.twice


def test_the_loss_of_commits_is_found() -> None:
    """With synchronous = NORMAL, which our store does not use, acknowledged commits are lost; the images show it."""
    findings = less_safe("NORMAL")

    assert findings.lost > 10
    assert {} == findings.broken


def test_corruption_is_found() -> None:
    """With synchronous = OFF files break; the images show that, too."""
    assert less_safe("OFF").broken.total() > 10


def test_a_session_whose_making_was_cut_off_says_so(tmp_path: Path) -> None:
    """Its first page may be anything and pages may be missing: that is no stranger's file, and no damage."""
    path = tmp_path / "session.db"
    for page in (bytes(4_096), b"noise" * 1_000, MIGRATED_PAGE):
        Image({path.name: page, "session.db-journal": first_journal()}, "").lay_out(tmp_path)
        for opening in (SqliteSession.open, SessionTape):
            with pytest.raises(StorageError, match=r"was only begun.*Remove it and start again\."):
                opening(path)
        assert page == path.read_bytes()


def test_a_strangers_database_stays_a_strangers(tmp_path: Path) -> None:
    """A database that held something before its interrupted transaction is not ours to have removed."""
    path = tmp_path / "session.db"
    journal = bytearray(first_journal())
    journal[16:20] = (1).to_bytes(4)  # The number of pages before the transaction.
    Image({path.name: bytes(4_096), "session.db-journal": bytes(journal)}, "").lay_out(tmp_path)

    with pytest.raises(StorageError, match="is not a session: no database"):
        SqliteSession.open(path)


def test_a_new_directory_outlasts_a_loss_of_power(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new session's directories were made in is synced, or the session would go with its directory."""
    synced = set()
    sync = os.fsync

    def noting(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    SqliteSession.create(tmp_path / "data" / "live" / "session.db", HEADER).close()

    assert {tmp_path.stat().st_ino, (tmp_path / "data").stat().st_ino} == synced


def first_journal() -> bytes:
    """Return the rollback journal that stands beside a session while its first pages are written."""
    content = bytearray()
    for operation in recorded(Script(rounds=0)).operations:
        if operation.name == "session.db" and operation.kind == "write":
            break
        if operation.name == "session.db-journal" and operation.kind == "write":
            apply(operation, content)
    return bytes(content)


@pytest.mark.prove
def test_no_acknowledged_commit_is_lost_in_ten_thousand(capsys: pytest.CaptureFixture[str]) -> None:
    """R3: the same claim for more moments, and for a session that folds its log as seldom as ours does."""
    started = time.perf_counter()
    often = lose_power(9_000, seed=2)
    seldom = lose_power(1_000, seed=4, script=LONG)
    seconds = time.perf_counter() - started
    normal = less_safe("NORMAL")
    with capsys.disabled():
        print(
            f"\n{often.total + seldom.total:,} power-loss images ({often.twice + seldom.twice:,} cut off again"
            f" amid recovery), {(often.total + seldom.total) / seconds:.0f} images/s:"
            f" {often.lost + seldom.lost} acknowledged commits lost,"
            f" {often.broken.total() + seldom.broken.total()} corrupt."
            f" With synchronous = NORMAL: {normal.lost} of {normal.total} lost."
        )

    for findings in (often, seldom):
        assert ({}, 0) == (findings.broken, findings.lost)
    assert 10_000 == often.sound + seldom.sound
