"""Open a recorded file, hand out its content unpacked, hashed and in whole lines; understand none of it."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

import attrs

from meva_adapters.feed.gzip_members import GzipMembers
from meva_core.errors import DataError

_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZIP_MAGIC: Final = b"PK\x03\x04"
_READ_BYTES: Final = 1 << 20
_LINE_BYTES_MAX: Final = 1 << 24  # A depth snapshot of 5,000 levels has some 300 kB.
# The last two are zipfile's own: a way of packing that it does not know, and a file under a password.
_DAMAGE: Final = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


class Recording:
    """Hold one file: plain, gzip, or a zip of a single file, told apart by its first bytes.

    With *may_be_cut* a gzip file may end amid a member, as a recorder that was killed leaves it: it is read up to
    its last complete line then, and *cut* says so.
    """

    def __init__(self, path: str) -> None:
        self.source = path
        self.may_be_cut = False
        self.cut = False
        self.position_bytes = 0
        self._path = Path(path)
        self.packed = False
        self._digest = ""
        try:
            self.size_bytes = self._path.stat().st_size
        except OSError as exc:
            raise self._unreadable(exc) from exc

    @property
    def digest(self) -> str:
        """Return the BLAKE2b-128 of the unpacked content; costs one pass unless it was read to its end."""
        if not self._digest:
            position = self.position_bytes
            for _ in self.chunks(_READ_BYTES):
                pass
            self.position_bytes = position
        return self._digest

    def head(self, limit: int) -> bytes:
        """Return the first *limit* bytes of the content, or all of it."""
        found = b""
        with self.opened() as (file, content):
            for chunk in self._pieces(file, content, limit, may_be_cut=True):
                found += chunk
                if len(found) >= limit:
                    break
        return found[:limit]

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yield the content in pieces of at most *size* bytes; raise `DataError` where it is damaged."""
        content_hash = blake2b(digest_size=16)
        with self.opened() as (file, content):
            for chunk in self._pieces(file, content, size, may_be_cut=self.may_be_cut):
                content_hash.update(chunk)
                self.position_bytes = file.tell()
                yield chunk
        self.position_bytes = self.size_bytes
        self._digest = content_hash.hexdigest()

    def lines(self, size: int) -> Iterator[tuple[int, bytes]]:
        """Yield (number of the first line, whole lines) in pieces of about *size* bytes.

        Every piece ends with a line end; one is added to a last line that has none, unless the file is cut there.
        """
        first, rest = 1, b""
        try:
            for chunk in self.chunks(size):
                cut = chunk.rfind(b"\n") + 1
                if not cut:
                    rest += chunk
                    self._refuse_endless_line(first, rest)
                    continue
                text, rest = rest + chunk[:cut], chunk[cut:]
                yield first, text
                first += text.count(b"\n")
        except DataError as exc:
            raise attrs.evolve(exc, line=exc.line or first) from exc.__cause__
        if rest and not self.cut:
            yield first, rest + b"\n"

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """Open the file; give it and its unpacked content, both seekable."""
        try:
            file = self._path.open("rb")
        except OSError as exc:
            raise self._unreadable(exc) from exc
        with file:
            magic = file.read(4)
            file.seek(0)
            self.packed = magic.startswith((_GZIP_MAGIC, _ZIP_MAGIC))
            if magic.startswith(_GZIP_MAGIC):
                with gzip.GzipFile(fileobj=file) as content:
                    yield file, content  # type: ignore[misc]  # A GzipFile reads as any binary file does.
            elif magic == _ZIP_MAGIC:
                with self._zipped(file) as content:
                    yield file, content
            else:
                yield file, file

    @contextmanager
    def _zipped(self, file: IO[bytes]) -> Iterator[IO[bytes]]:
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGE as exc:
            raise self._damaged(exc) from exc
        with archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise DataError(
                    self.source,
                    0,
                    f"the archive holds {len(names)} files.",
                    "Unpack it and give one file at a time.",
                )
            try:
                content = archive.open(names[0])
            except _DAMAGE as exc:
                raise self._damaged(exc) from exc
            with content:
                yield content

    def _pieces(self, file: IO[bytes], content: IO[bytes], size: int, *, may_be_cut: bool) -> Iterator[bytes]:
        try:
            if may_be_cut and isinstance(content, gzip.GzipFile):
                members = GzipMembers(file)
                yield from members.pieces(size)
                self.cut = members.cut
            else:
                while chunk := content.read(size):
                    yield chunk
        except _DAMAGE as exc:
            raise self._damaged(exc) from exc

    def _refuse_endless_line(self, line: int, rest: bytes) -> None:
        if len(rest) > _LINE_BYTES_MAX:
            raise DataError(
                self.source,
                line,
                f"the line is longer than {_LINE_BYTES_MAX} bytes.",
                "Give a text file with line ends.",
            )

    def _unreadable(self, exc: OSError) -> DataError:
        problem = f"the file cannot be opened ({exc.strerror})."
        return DataError(self.source, 0, problem, "Give the path of a recorded file.")

    def _damaged(self, exc: BaseException) -> DataError:
        problem = f"the file is damaged or cut short after this place ({exc})."
        return DataError(self.source, 0, problem, "Copy or download it again.")
