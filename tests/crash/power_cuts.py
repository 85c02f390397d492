"""Lose power at many moments of one recorded session, and sort what the store makes of what is left."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Final

from attrs import define, evolve, field

from meva_core.errors import StorageError
from tests.crash.power_loss import Image, Recording, images
from tests.crash.reference import NOTHING, REFERENCE, Script, recovered, start_again
from tests.crash.sqlite_disk import mounted

# So many of the images lose power once more while the store recovers from the first time.
TWICE_PER_IMAGE: Final = 0.1


@define
class Findings:
    """Count what became of the images."""

    sound: int = 0
    lost: int = 0
    twice: int = 0
    broken: Counter[str] = field(factory=Counter)

    @property
    def total(self) -> int:
        """Return the number of images."""
        return self.sound + self.lost + self.broken.total()

    def judge(self, path: Path, expected: list[str], returned: int, facts: str) -> None:
        """Recover the session at *path*, which must hold what it held after step *returned*, or after the next."""
        try:
            found = recovered(path)
            if found == NOTHING:
                start_again(path)
        except (StorageError, AssertionError, sqlite3.Error) as problem:
            self.broken[f"after step {returned}, operation {facts}: {problem}"] += 1
            return
        if found in expected[returned : returned + 2]:
            self.sound += 1
        elif found in expected[:returned]:
            self.lost += 1
        else:
            self.broken[f"after step {returned}, operation {facts}: rows of no step"] += 1


@contextmanager
def quick_folder() -> Iterator[Path]:
    """Give a folder in memory where there is one: no byte of an image needs to last."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def recorded(script: Script) -> Recording:
    """Return what a whole session did to its disk."""
    recording = Recording()
    with quick_folder() as folder, mounted(recording):
        script.play(folder / "session.db", done=recording.done)
    return recording


def digests(script: Script) -> list[str]:
    """Return what a session holds before its first step and after each, from a plain run of it."""
    found = [NOTHING]
    with quick_folder() as folder, quick_folder() as aside:
        path = folder / "session.db"

        def keep() -> None:
            Image({file.name: file.read_bytes() for file in folder.iterdir()}, "whole").lay_out(aside)
            found.append(recovered(aside / "session.db"))

        Script(script.rounds, script.sitting).play(path, done=keep)
    return found


def lose_power(count: int, *, seed: int, script: Script = REFERENCE) -> Findings:
    """Lose power *count* times, at moments of one recorded session that are drawn from *seed*."""
    expected = digests(script)
    recording = recorded(script)
    assert len(expected) == len(recording.returned) + 1
    draw, findings = Random(seed), Findings()
    moments = [draw.randrange(len(recording.operations) + 1) for _ in range(count)]
    with quick_folder() as folder:
        for moment, first in images(recording.operations, moments=moments, draw=draw, before={}):
            first.lay_out(folder)
            image = first
            if draw.random() < TWICE_PER_IMAGE:
                image = _lost_again(folder, first, draw)
                findings.twice += 1
            findings.judge(
                folder / "session.db", expected, recording.steps_returned(moment), f"{moment}, {image.fates}"
            )
    return findings


def _lost_again(folder: Path, image: Image, draw: Random) -> Image:
    """Replace the image in *folder* by what a loss of power leaves that comes amid its recovery."""
    recovery = Recording()
    # Whether what it says is right, the check of the second image tells.
    with mounted(recovery), suppress(StorageError, AssertionError, sqlite3.Error):
        recovered(folder / "session.db")
    moment = draw.randrange(len(recovery.operations) + 1)
    [(_, again)] = images(recovery.operations, moments=[moment], draw=draw, before=image.files)
    again = evolve(again, fates=f"{image.fates}; amid recovery: {again.fates}")
    again.lay_out(folder)
    return again
