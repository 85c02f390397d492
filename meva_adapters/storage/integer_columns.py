"""Pack columns of 64-bit integers into few bytes and back; know nothing of what they mean.

Each column is written as its differences in the narrowest width that holds them, and all of them are deflated
together. Neighbouring market events differ little, so a trade takes some ten bytes instead of fifty-six.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate, repeat
from operator import sub
from struct import Struct
from typing import Final

# Level 1 is the fastest; higher ones gained below a tenth on recorded trades and cost several times as much.
_LEVEL: Final = 1
_WIDTHS: Final = tuple((code, 1 << (8 * array(code).itemsize - 1)) for code in "bhiq")
_HEADER: Final = Struct("<cIq")  # How the values are written, how many there are, the first one.
_STEADY: Final = b"="  # All differences are equal: one is written.
_WHOLE: Final = b"!"  # Differences would not fit 64 bits: the values themselves are written.


def pack_columns(columns: Sequence[Sequence[int]]) -> bytes:
    """Return the bytes of *columns*; raise `OverflowError` when they do not fit 64 bits."""
    return zlib.compress(b"".join(_pack(column) for column in columns), _LEVEL)


def unpack_columns(data: bytes, *, count: int, length_max: int) -> list[list[int]]:
    """Return the *count* columns in *data*; raise `ValueError` when it holds anything else.

    No column may be longer than *length_max*: a damaged or hostile blob must not fill the memory.
    """
    size_max = count * (_HEADER.size + 8 * length_max)
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, size_max + 1)
    except zlib.error as problem:
        raise ValueError(str(problem)) from problem
    _require(len(raw) <= size_max and inflater.eof and not inflater.unused_data, "the blob is damaged")
    columns = []
    offset = 0
    for _ in range(count):
        column, offset = _unpack(raw, offset, length_max)
        columns.append(column)
    _require(offset == len(raw), "bytes are left over")
    return columns


def join_columns(columns: Sequence[Sequence[int]]) -> bytes:
    """Return *columns* at full width one after the other, in a tenth of the time of packing them.

    Raises `OverflowError` when they do not fit 64 bits.
    """
    return b"".join(_to_bytes("q", column) for column in columns)


def split_columns(raw: bytes, lengths: Sequence[int]) -> list[list[int]]:
    """Return the columns of these *lengths* that `join_columns` joined; raise `ValueError` on other bytes."""
    columns = []
    offset = 0
    for length in lengths:
        column, offset = _from_bytes("q", raw, offset, length)
        columns.append(column)
    _require(offset == len(raw), "bytes are left over")
    return columns


def _pack(column: Sequence[int]) -> bytes:
    if not column:
        return _HEADER.pack(_WHOLE, 0, 0)
    first = column[0]
    if not -(1 << 63) <= first < 1 << 63:
        message = f"{first} needs more than 64 bits"
        raise OverflowError(message)
    differences = list(map(sub, column[1:], column))
    low, high = min(differences, default=0), max(differences, default=0)
    if low == high:
        return _steady_or_whole(column, low)
    for code, bound in _WIDTHS:
        if -bound <= low and high < bound:
            return _HEADER.pack(code.encode(), len(column), first) + _to_bytes(code, differences)
    return _HEADER.pack(_WHOLE, len(column), first) + _to_bytes("q", column)


def _steady_or_whole(column: Sequence[int], step: int) -> bytes:
    if -(1 << 63) <= step < 1 << 63:
        return _HEADER.pack(_STEADY, len(column), column[0]) + _to_bytes("q", [step])
    return _HEADER.pack(_WHOLE, len(column), column[0]) + _to_bytes("q", column)


def _unpack(raw: bytes, offset: int, length_max: int) -> tuple[list[int], int]:
    _require(offset + _HEADER.size <= len(raw), "a column is missing")
    form, length, first = _HEADER.unpack_from(raw, offset)
    offset += _HEADER.size
    _require(length <= length_max, f"a column of {length} is too long")
    if form == _STEADY:
        [step], offset = _from_bytes("q", raw, offset, 1)
        steady = range(first, first + step * length, step) if step else repeat(first, length)
        return list(steady), offset
    if form == _WHOLE:
        return _from_bytes("q", raw, offset, length)
    code = form.decode("ascii", "replace")
    _require(code in "bhiq" and length > 0, f"unknown form {form!r}")
    differences, offset = _from_bytes(code, raw, offset, length - 1)
    return list(accumulate(differences, initial=first)), offset


def _to_bytes(code: str, values: Sequence[int]) -> bytes:
    numbers = array(code, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _from_bytes(code: str, raw: bytes, offset: int, count: int) -> tuple[list[int], int]:
    numbers = array(code)
    end = offset + count * numbers.itemsize
    _require(end <= len(raw), "a column is cut short")
    numbers.frombytes(raw[offset:end])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist(), end


def _require(fact: bool, problem: str) -> None:  # noqa: FBT001 - reads as a sentence where it is used.
    if not fact:
        raise ValueError(problem)
