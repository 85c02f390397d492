"""The disk under the crash tests is a disk: what it recorded is what was written, and it forgets as a disk may."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.crash.power_loss import Directory, Recording
from tests.crash.reference import Script
from tests.crash.sqlite_disk import Operation, mounted


def disk(*operations: Operation) -> Directory:
    """Return a directory after *operations* on an empty one."""
    directory = Directory.holding({})
    for operation in operations:
        directory.follow(operation)
    return directory


def left(directory: Directory) -> set[bytes | None]:
    """Return all that a hundred losses of power leave of the file "a"."""
    return {directory.image(Random(seed)).files.get("a") for seed in range(100)}


def test_the_recording_is_what_was_written(tmp_path: Path) -> None:
    """Every byte of a session's file comes from a recorded operation, and a closed session needs no luck."""
    recording = Recording()
    with mounted(recording):
        Script().play(tmp_path / "session.db", done=recording.done)
    directory = disk(*recording.operations)
    written = (tmp_path / "session.db").read_bytes()

    assert {written} == {directory.image(Random(seed)).files["session.db"] for seed in range(10)}
    assert recording.operations


def test_a_file_is_there_for_certain_once_its_directory_is_synced() -> None:
    """Syncing the file alone is not enough."""
    made = [Operation("open", "a"), Operation("write", "a", content=b"x")]

    assert {None, b"x"} == left(disk(*made, Operation("sync", "a")))
    assert {b"x"} == left(disk(*made, Operation("sync", "a", directory=True)))
    assert {None, b"x"} == left(disk(*made, Operation("sync", "a", directory=True), Operation("delete", "a")))


def test_what_was_not_synced_comes_and_goes() -> None:
    """Writes are there, are not, are there in parts and in another order; what was synced stays beside them."""
    sector = b"1" * 512
    directory = disk(
        Operation("open", "a"),
        Operation("write", "a", content=b"0" * 2_048),
        Operation("sync", "a", directory=True),
        Operation("write", "a", content=sector * 3),
        Operation("write", "a", content=b"2" * 512),
    )
    found = left(directory)

    assert {content[:512] for content in found if content} == {b"0" * 512, sector, b"2" * 512}
    assert {content[1_536:] for content in found if content} == {b"0" * 512}
    assert b"0" * 512 + sector + b"0" * 1_024 in found
    assert sector * 3 + b"0" * 512 in found


@pytest.mark.parametrize(("at", "sure"), [(0, b"y"), (1, b"\0y")])
def test_a_failed_sync_is_not_made_good_by_the_next(at: int, sure: bytes) -> None:
    """The system may have forgotten the writes; only what is written again is certain."""
    directory = disk(
        Operation("open", "a"),
        Operation("sync", "a", directory=True),
        Operation("write", "a", content=b"xx"),
        Operation("failed sync", "a"),
        Operation("write", "a", at=at, content=b"y"),
        Operation("sync", "a"),
    )
    found = left(directory)

    assert sure in found
    assert {b"y"} == {content[at : at + 1] for content in found if content is not None}
    assert (b"xy" if at else b"yx") in found
