"""Columns come back equal, small when neighbours are close, and a damaged blob fills no memory."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_adapters.storage.integer_columns import pack_columns, unpack_columns

INT64 = st.integers(-(2**63), 2**63 - 1)
EDGES = [2**b + d for b in (7, 8, 15, 16, 31, 32, 62) for d in (-1, 0, 1)] + [0, 2**63 - 1, -(2**63)]
COLUMN = (
    st.lists(INT64, max_size=20)
    | st.lists(st.sampled_from(EDGES), max_size=6)
    | st.lists(st.integers(-200, 200), max_size=40)
)
LENGTH_MAX = 1_000


def unpacked(data: bytes, count: int = 1) -> list[list[int]]:
    """Return *count* columns."""
    return unpack_columns(data, count=count, length_max=LENGTH_MAX)


@given(columns=st.lists(COLUMN, max_size=5))
def test_columns_come_back_equal(columns: list[list[int]]) -> None:
    """Any 64-bit integers, in columns of any lengths."""
    assert columns == unpacked(pack_columns(columns), len(columns))


@given(start=INT64, step=st.integers(-(2**64), 2**64), length=st.integers(0, 50))
def test_steady_columns_come_back_equal_or_are_refused(start: int, step: int, length: int) -> None:
    """A column of equal steps is exact up to the last row; what does not fit is refused, never wrapped."""
    column = [start + step * index for index in range(length)]
    if all(-(2**63) <= value < 2**63 for value in column):
        assert [column] == unpacked(pack_columns([column]))


@pytest.mark.parametrize("column", [[2**63], [-(2**63) - 1], [0, 2**70], [0, 1, 2**64], [2**70, 2**70, 3]])
def test_more_than_64_bits_are_refused(column: list[int]) -> None:
    """No value is cut."""
    with pytest.raises(OverflowError):
        pack_columns([column])


def test_neighbours_take_little_room() -> None:
    """Four thousand trades a tick and some milliseconds apart take about six bytes each, and none when steady."""
    draw = random.Random(7)
    times = [draw.randrange(10**6) + 10**9 * index for index in range(4_096)]
    prices = [3_000_000 + draw.randrange(-20, 20) for _ in range(4_096)]
    ids = list(range(10**9, 10**9 + 4_096))

    assert len(pack_columns([times, prices])) < 6 * 4_096
    assert len(pack_columns([ids])) < 40


@given(data=st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    """What is no blob raises `ValueError`, whether it is deflated noise or plain noise."""
    for blob in (data, zlib.compress(data)):
        with pytest.raises(ValueError, match=r".+"):
            unpacked(blob, 3)


@given(columns=st.lists(COLUMN, min_size=1, max_size=3), at=st.integers(0), flip=st.integers(1, 255))
def test_a_changed_byte_is_noticed(columns: list[list[int]], at: int, flip: int) -> None:
    """One changed byte anywhere: the blob is refused, or, in the few bits that deflate ignores, unchanged."""
    data = bytearray(pack_columns(columns))
    data[at % len(data)] ^= flip
    try:
        read = unpacked(bytes(data), len(columns))
    except ValueError:
        read = columns

    assert columns == read


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_cut_blob_is_refused(cut: int) -> None:
    """A blob that lost its end is refused."""
    with pytest.raises(ValueError, match="damaged"):
        unpacked(pack_columns([[1, 5, 2, 9, 4, 77, 3]])[:-cut])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_columns_is_refused(count: int) -> None:
    """Columns that are missing or left over are noticed."""
    with pytest.raises(ValueError, match=r"left over|missing|damaged"):
        unpacked(pack_columns([[1], [2]]), count)


@pytest.mark.parametrize("form", [b"=", b"!", b"b", b"q"])
def test_a_small_blob_cannot_fill_the_memory(form: bytes) -> None:
    """A column that claims more rows than a segment may have is refused before it is built."""
    claim = struct.pack("<cIq", form, 2**32 - 1, 0) + bytes(8)

    with pytest.raises(ValueError, match="too long"):
        unpacked(zlib.compress(claim))


def test_a_bomb_is_refused() -> None:
    """A few kilobytes that inflate to megabytes are refused before they are all inflated."""
    with pytest.raises(ValueError, match="damaged"):
        unpacked(zlib.compress(bytes(50_000_000)))


@pytest.mark.parametrize("form", [b"z", b"\xff", b"\0", b"B"])
def test_an_unknown_form_is_refused(form: bytes) -> None:
    """Only what this module writes is read."""
    with pytest.raises(ValueError, match="unknown form"):
        unpacked(zlib.compress(struct.pack("<cIq", form, 2, 0) + bytes(8)))
