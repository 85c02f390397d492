"""Unpack a gzip file member by member and say where its last complete member ends; understand no content.

A recorder appends complete members, so a crash costs at most the last one: what was torn is the file's tail.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, Final

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_READ_BYTES: Final = 1 << 16


def member(content: bytes) -> bytes:
    """Return *content* as one complete gzip member."""
    packer = zlib.compressobj(wbits=_GZIP_WINDOW)
    return packer.compress(content) + packer.flush()


class GzipMembers:
    """Read the members of *file*. *whole_bytes* is where the last complete one ended, *cut* whether another began."""

    def __init__(self, file: IO[bytes]) -> None:
        self.whole_bytes = 0
        self.cut = False
        self._file = file

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the content in pieces of about *size* bytes at most; raise `zlib.error` where it is damaged."""
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        read_bytes, packed = 0, b""
        while packed or (packed := self._file.read(_READ_BYTES)):
            if not self.cut:
                stripped = packed.lstrip(b"\0")  # Members may be padded, and a power cut leaves zeros behind.
                read_bytes += len(packed) - len(stripped)
                packed = stripped
            self.cut = bool(packed)
            content = unpacker.decompress(packed, size)
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            read_bytes += len(packed) - len(rest)
            packed = rest
            if content:
                yield content
            if unpacker.eof:
                self.whole_bytes, self.cut = read_bytes, False
                unpacker = zlib.decompressobj(_GZIP_WINDOW)
        if self.cut and (content := unpacker.flush()):
            yield content
