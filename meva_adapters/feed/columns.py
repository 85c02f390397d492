"""Turn CSV text into integer columns at once, for runs of rows that one pattern proves to be well formed.

It knows nothing of what the columns mean. Rows that the pattern does not cover are left to the caller.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Final

import orjson
from attrs import frozen

from meva_core.ports.market_feed import Column

# What a column holds: this many decimals (0 for integers), or one of two families of words.
SIDE_WORDS: Final = -1
FLAG_WORDS: Final = -2
_WORDS: Final = {
    SIDE_WORDS: (b"buy", b"sell"),
    FLAG_WORDS: (b"true", b"True", b"false", b"False"),
}
# JSON knows no leading zeros: 0.05 is parsed as 1000000000.05, and the mark taken off again. So a decimal may
# have nine digits before its dot and eight after it: with the mark 18, which fits the 64 bits up to which the
# parser is exact.
_ZERO: Final = b",0."
_MARK: Final = 10**9
_MARKED: Final = b",%d." % _MARK
_DECIMALS_MAX: Final = 8
# From so many bytes on numpy reads them in half the time, and for fewer it is not worth importing.
_NUMPY_BYTES: Final = 1 << 16
_INT64_MAX: Final = (1 << 63) - 1
_INTEGER: Final = re.compile(rb"[0-9]{1,19}")
_DECIMAL: Final = re.compile(rb"[0-9]{1,9}\.([0-9]{1,%d})" % _DECIMALS_MAX)


@frozen
class Shape:
    """Describe rows of which each column always has the same form, as the first row shows it."""

    kinds: tuple[int, ...]
    pattern: re.Pattern[bytes]
    table: bytes
    deleted: bytes


def shape_of(cells: Sequence[bytes]) -> Shape | None:
    """Return the shape of rows such as *cells*, or `None` when a cell has no simple form."""
    kinds = tuple(_kind(cell) for cell in cells)
    if None in kinds or not kinds or kinds[0] != 0:  # A leading decimal would have no comma before it.
        return None
    known = tuple(kind for kind in kinds if kind is not None)
    families = sorted({kind for kind in known if kind < 0})
    if len(families) > 1:
        return None
    words = _WORDS[families[0]] if families else ()
    row = b",".join(_cell_pattern(kind) for kind in known)
    return Shape(known, re.compile(rb"(?:" + row + rb"\r?\n)++"), _table(words), _deleted(words))


def integer_columns(shape: Shape, text: bytes) -> list[Column] | None:
    """Return the columns of *text*, whole lines of *shape*; `None` when a line has another form.

    Decimals come back as integers without their dot, words as 1 (buy, true) and 0 (sell, false).
    Measured: 1,000,000 rows of 4 columns in half the time of splitting and calling `int`, with numpy in a quarter.
    """
    if not shape.pattern.fullmatch(text):
        return None
    if len(text) >= _NUMPY_BYTES and (arrays := _arrays(shape, text)):
        return arrays
    marked = text.replace(_ZERO, _MARKED).translate(shape.table, shape.deleted)
    cells = orjson.loads(b"[" + marked[:-1] + b"]")
    width = len(shape.kinds)
    return [_unmarked(cells[place::width], kind) for place, kind in enumerate(shape.kinds)]


def _arrays(shape: Shape, text: bytes) -> list[Column] | None:
    """Return the columns as arrays; `None` where numpy is missing, or where an integer may not fit 64 bits."""
    try:
        import numpy as np
    except ImportError:
        return None
    digits = text.translate(shape.table, shape.deleted)
    values = np.fromstring(digits[:-1], np.int64, sep=",")
    width = len(shape.kinds)
    assert values.size == width * text.count(b"\n"), "the pattern has proven every cell"
    if values.max() == _INT64_MAX:
        return None  # What is larger is read as the largest.
    columns: list[Column] = []
    for place in range(width):
        column = array("q")
        column.frombytes(values[place::width].tobytes())
        columns.append(column)
    return columns


def _unmarked(values: list[int], kind: int) -> Column:
    mark = _MARK * 10**kind
    if kind <= 0 or max(values) < mark:
        return values
    return [value % mark for value in values]


def _kind(cell: bytes) -> int | None:
    if _INTEGER.fullmatch(cell):
        return 0
    if match := _DECIMAL.fullmatch(cell):
        return len(match[1])
    return next((family for family, words in _WORDS.items() if cell in words), None)


def _cell_pattern(kind: int) -> bytes:
    if kind < 0:
        return b"(?:" + b"|".join(_WORDS[kind]) + b")"
    if kind == 0:
        return rb"(?:[1-9][0-9]{0,18}+|0)"
    return rb"(?:0|[1-9][0-9]{0,8}+)\.[0-9]{%d}" % kind


def _table(words: Sequence[bytes]) -> bytes:
    """Return the translation of the first letter of each word to its digit, and of line ends to commas."""
    letters = b"".join(word[:1] for word in words)
    digits = b"".join(b"1" if word.lower() in {b"buy", b"true"} else b"0" for word in words)
    return bytes.maketrans(letters + b"\n", digits + b",")


def _deleted(words: Sequence[bytes]) -> bytes:
    return b".\r" + b"".join(word[1:] for word in words)
