"""Work out what a disk may hold after a loss of power, from the operations on its files; run nothing.

What was synced is there. Of the rest any part may be: writes are dropped, swapped, cut off after a sector, or there
in single sectors only; a file may have grown without its new content; a file may be missing whose directory was
not synced, or be back after its deletion. What a write did not touch it leaves alone (SQLite's powersafe overwrite).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from random import Random
from typing import Final, Self

from attrs import define, field, frozen

from tests.crash.sqlite_disk import OK, Operation

SECTOR_BYTES: Final = 512


class Fate(Enum):
    """What becomes of the writes since the last sync of a file."""

    NONE = "none of them is there"
    ALL = "all are there"
    SOME = "some are there"
    SWAPPED = "some are there, an older one over a newer one"
    TORN = "some are there, one of them cut off after a sector"
    SECTORS = "some of their sectors are there"


@define
class Recording:
    """Be a disk on which nothing fails; keep the operations, and when which step had returned."""

    operations: list[Operation] = field(factory=list)
    returned: list[int] = field(factory=list)

    def refusal(self, kind: str) -> int:
        """Let everything pass."""
        return OK

    def happened(self, operation: Operation) -> None:
        """Keep *operation*."""
        self.operations.append(operation)

    def done(self) -> None:
        """Note that another step has returned, so that everything before it must be durable."""
        self.returned.append(len(self.operations))

    def steps_returned(self, moment: int) -> int:
        """Return how many steps had returned after so many operations."""
        return sum(1 for position in self.returned if position <= moment)


@define
class _File:
    """Hold a file's certain content and, in order, what came after; a sync failed on the first *doubtful*."""

    durable: bytearray = field(factory=bytearray)
    waiting: list[Operation] = field(factory=list)
    doubtful: int = 0

    def synced(self) -> None:
        """Make certain what was written since; a failed sync may have forgotten what it failed on for ever."""
        doubtful = self.waiting[: self.doubtful]
        for operation in self.waiting[self.doubtful :]:
            apply(operation, self.durable)
            doubtful = [part for old in doubtful for part in _without(old, operation)]
        self.waiting, self.doubtful = doubtful, len(doubtful)

    def content(self, fate: Fate, draw: Random) -> bytes:
        """Return what the file may hold."""
        content = bytearray(self.durable)
        for operation in _survivors(self.waiting, fate, draw):
            apply(operation, content)
        grown = max((_end(operation) for operation in self.waiting), default=0) - len(content)
        if grown > 0 and fate is not Fate.NONE and draw.random() < 0.5:
            content += draw.choice([bytes, draw.randbytes])(grown)
        return bytes(content)


@define
class Directory:
    """Follow the operations on the files of one directory, and draw what a loss of power leaves of them."""

    # Under each name what it may stand for, the certain one first and the present one last.
    _names: dict[str, list[_File | None]]

    @classmethod
    def holding(cls, files: dict[str, bytes]) -> Self:
        """Return a directory that certainly holds *files*."""
        return cls({name: [_File(bytearray(content))] for name, content in files.items()})

    def follow(self, operation: Operation) -> None:
        """Take the next operation."""
        known = self._names.setdefault(operation.name, [None])
        file = known[-1]
        match operation.kind:
            case "open" if file is None:
                known.append(_File())
            case "delete":
                known.append(None)
            case "write" | "truncate" if file is not None:
                file.waiting.append(operation)
            case "sync" if file is not None:
                file.synced()
            case "failed sync" if file is not None:
                file.doubtful = len(file.waiting)
            case _:
                assert operation.kind == "open", f"{operation.kind} of {operation.name}, which is not there"
        if operation.directory:
            self._names = {name: known[-1:] for name, known in self._names.items()}

    def image(self, draw: Random) -> Image:
        """Return what may be left, each file's fate drawn by itself."""
        files, fates = {}, []
        for name, known in sorted(self._names.items()):
            fate = draw.choice(list(Fate))
            file = known[{Fate.NONE: 0, Fate.ALL: -1}.get(fate, draw.randrange(len(known)))]
            if file is not None:
                files[name] = file.content(fate, draw)
                fates.append(f"{name}: {fate.value}")
        return Image(files, "; ".join(fates))


@frozen
class Image:
    """Hold the files that a loss of power left, and in words how."""

    files: dict[str, bytes]
    fates: str

    def lay_out(self, folder: Path) -> None:
        """Replace what is in *folder* by the image."""
        for old in folder.iterdir():
            old.unlink()
        for name, content in self.files.items():
            place = folder / name
            place.write_bytes(content)
            place.chmod(0o600)


def images(
    operations: list[Operation], *, moments: Iterable[int], draw: Random, before: dict[str, bytes]
) -> Iterator[tuple[int, Image]]:
    """Yield an image for each of *moments*, in rising order: after so many operations the power is lost.

    *before* are the files that the operations found.
    """
    directory, followed = Directory.holding(before), 0
    for moment in sorted(moments):
        for operation in operations[followed:moment]:
            directory.follow(operation)
        followed = moment
        yield moment, directory.image(draw)


def apply(operation: Operation, content: bytearray) -> None:
    """Do *operation*, a write or a truncation, to *content*."""
    if operation.kind == "truncate":
        del content[operation.at :]
        return
    content += bytes(max(0, operation.at - len(content)))
    content[operation.at : _end(operation)] = operation.content


def _survivors(waiting: list[Operation], fate: Fate, draw: Random) -> list[Operation]:
    if fate is Fate.NONE or not waiting:
        return []
    if fate is Fate.ALL:
        return waiting
    if fate is Fate.SECTORS:
        sectors = [sector for operation in waiting for sector in _sectors(operation)]
        return _some(sectors, draw)
    some = _some(waiting, draw)
    if fate is Fate.SWAPPED:
        draw.shuffle(some)
    if fate is Fate.TORN and some:
        torn = draw.randrange(len(some))
        sectors = _sectors(some[torn])
        some[torn : torn + 1] = sectors[: draw.randrange(len(sectors))]
    return some


def _some(operations: list[Operation], draw: Random) -> list[Operation]:
    share = draw.choice([0.1, 0.5, 0.9])
    return [operation for operation in operations if draw.random() < share]


def _sectors(operation: Operation) -> list[Operation]:
    """Cut a write where the disk's sectors end."""
    if operation.kind != "write":
        return [operation]
    parts = []
    start, end = operation.at, _end(operation)
    while start < end:
        stop = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        content = operation.content[start - operation.at : stop - operation.at]
        parts.append(Operation("write", operation.name, at=start, content=content))
        start = stop
    return parts


def _without(old: Operation, new: Operation) -> list[Operation]:
    """Return the parts of *old* that *new* has not replaced."""
    if old.kind != "write":
        return []  # A file that was cut and then written to has its length from the write.
    stop = new.at if new.kind == "truncate" else _end(new)
    before = old.content[: max(0, new.at - old.at)]
    after = b"" if new.kind == "truncate" else old.content[max(0, stop - old.at) :]
    parts = [(old.at, before), (max(old.at, stop), after)]
    return [Operation("write", old.name, at=at, content=content) for at, content in parts if content]


def _end(operation: Operation) -> int:
    return operation.at + len(operation.content) if operation.kind == "write" else 0
