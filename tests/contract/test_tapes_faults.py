"""Every bad recording gives one sentence: the file, the line, the value, and what to do."""

from __future__ import annotations

import gzip
import io
import sqlite3
import zipfile
from pathlib import Path

import pytest

from meva_adapters.feed import ordering
from meva_core.errors import DataError, UnknownSymbolError
from tests.contract.tape_files import fault_of, instrument, rows_of, tape_of, written

T0 = 1_735_689_600_000_000_000
HOUR = 3_600_000_000_000
HEADER = "ts_ns,price,qty,side\n"
GOOD = f"{T0},30000.00,0.10000,buy\n"
BAR_HEADER = "ts_ns,open,high,low,close,volume\n"
BAR = f"{T0},10.00,12.00,9.00,11.00,3.00000\n"


def bar(hours: int) -> str:
    """Return a good bar that opens so many hours later."""
    return BAR.replace(str(T0), str(T0 + hours * HOUR))


FAULTS = {
    "empty": ("", 0, "the file is empty", "Give a recording"),
    "blank": ("\n\n \n", 0, "the file is empty", "Give a recording"),
    "header alone": (HEADER, 0, "a header and no rows", "Give a file with data"),
    "missing column": ("ts_ns,price,qty\n", 1, "has no column for side", "Add 'side'"),
    "missing two": ("open,high,close\n", 1, "has no column for time, low, volume", "Add 'time' and 'low'"),
    "unknown format": ("a,b,c\n1,2,3\n", 1, "'a,b,c' begins no recording", "ts_ns,price,qty,side"),
    "binary": (b"\x00\x01\x02\xff" * 9, 1, "begins no recording", "Give trades"),
    "header twice": (HEADER + HEADER + GOOD, 2, "the header comes a second time", "Remove this line"),
    "header later": (HEADER + GOOD + HEADER, 3, "the header comes a second time", "Remove this line"),
    "few columns": (HEADER + GOOD + f"{T0},30000.00\n", 3, "has 2 columns, not 4", "cut short"),
    "price word": (HEADER + GOOD + f"{T0},abc,1,buy\n", 3, "price 'abc' is not a number", "plain digits"),
    "price thousands": (HEADER + f"{T0},1_000,1,buy\n", 2, "price '1_000' is not a number", "plain digits"),
    "price nan": (
        HEADER + GOOD + f"{T0},NaN,1,buy\n",
        3,
        "price NaN is not a finite number",
        "Mend or remove",
    ),
    "price inf": (
        HEADER + GOOD + f"{T0},-inf,1,buy\n",
        3,
        "price -inf is not a finite number",
        "Mend or remove",
    ),
    "price missing": (HEADER + GOOD + f"{T0},,1,buy\n", 3, "the price is missing", "Mend or remove"),
    "price negative": (HEADER + GOOD + f"{T0},-1.00,1,buy\n", 3, "price -1.00 is negative", "Mend or remove"),
    "price zero": (
        HEADER + GOOD + f"{T0},0.00,1.00000,buy\n",
        3,
        "price 0.00 is not positive",
        "Mend or remove",
    ),
    "price huge": (HEADER + f"{T0},9e90,1,buy\n", 2, "price 9e90 is too large", "Mend or remove"),
    "price off grid": (
        HEADER + GOOD + f"{T0},30000.005,1,buy\n",
        3,
        "price 30000.005 is not a multiple of tick_size 0.01 of BTC/USDT",
        "Set tick_size of BTC/USDT to 0.001 or finer",
    ),
    "quantity off grid": (
        HEADER + f"{T0},30000.00,0.000001,buy\n",
        2,
        "quantity 0.000001 is not a multiple of lot_size 0.00001 of BTC/USDT",
        "Set lot_size of BTC/USDT to 0.000001 or finer",
    ),
    "quantity zero": (HEADER + f"{T0},30000.00,0,buy\n", 2, "quantity 0 is not positive", "Mend or remove"),
    "volume off grid": (
        BAR_HEADER + bar(0) + bar(1).replace("3.00000", "3.000001"),
        3,
        "volume",
        "round_volume",
    ),
    "side": (HEADER + f"{T0},1.00,1,long\n", 2, "side 'long' is not known", "Write one of buy, sell"),
    "time word": (HEADER + GOOD + "noon,1.00,1,buy\n", 3, "time 'noon' is not understood", "ISO-8601"),
    "time impossible": (
        HEADER + "2025-02-30,1.00,1,buy\n",
        2,
        "'2025-02-30' does not exist",
        "Mend or remove",
    ),
    "time too late": (HEADER + "9999999999999999999,1.00,1,buy\n", 2, "later than 64 bits", "Mend or remove"),
    "time backwards": (
        HEADER + GOOD + GOOD + GOOD.replace(str(T0), str(T0 - 1)),
        4,
        "time goes backwards: 2024-12-31T23:59:59.999999999Z follows 2025-01-01T00:00:00Z",
        "pass --sort",
    ),
    "newest first": (
        BAR_HEADER + bar(2) + bar(1) + bar(0),
        3,
        "time goes backwards: 2025-01-01T01:00:00Z follows 2025-01-01T02:00:00Z",
        "newest first: pass --sort",
    ),
    "bar twice": (
        BAR_HEADER + bar(0) + bar(1) + bar(1),
        4,
        "the bar of 2025-01-01T01:00:00Z begins before the bar of 2025-01-01T01:00:00Z has ended",
        "name the right timeframe",
    ),
    "bar contradicts": (
        BAR_HEADER + bar(0) + bar(1).replace("12.00", "10.50"),
        3,
        "contradict",
        "Mend or remove",
    ),
    "high below open": (BAR_HEADER + bar(0) + bar(1).replace("10.00", "12.50"), 3, "contradict", "Mend"),
    "low above close": (
        BAR_HEADER + bar(0) + bar(1).replace("9.00,11.00", "9.00,8.00"),
        3,
        "contradict",
        "Mend",
    ),
    "low above open": (BAR_HEADER + bar(0) + bar(1).replace("10.00", "8.00"), 3, "contradict", "Mend"),
    "price off grid in step": (
        HEADER + GOOD.replace(".00", ".000") + f"{T0},30000.001,0.10000,buy\n",
        3,
        "price 30000.001 is not a multiple of tick_size 0.01 of BTC/USDT",
        "Set tick_size of BTC/USDT to 0.001 or finer",
    ),
    "one bar": (BAR_HEADER + BAR, 2, "one bar alone does not tell", "Name the timeframe"),
    "odd interval": (
        BAR_HEADER + BAR + BAR.replace(str(T0), str(T0 + 7)),
        3,
        "no known timeframe",
        "Name the",
    ),
    "two symbols": (
        f"ts_ns,price,qty,side,symbol\n{T0},1,1,buy,BTCUSDT\n{T0},1,1,buy,ETHUSDT\n",
        3,
        "symbol 'ETHUSDT' follows 'BTCUSDT'",
        "one symbol per table",
    ),
    "trade id": (f"ts_ns,price,qty,side,id\n{T0},1,1,buy,x1\n", 2, "trade id 'x1' is not", "Mend or remove"),
    "not parquet": (b"PAR1 and nothing else", 0, "the Parquet file is damaged", "download it again"),
    "not zip": (b"PK\x03\x04 and nothing else", 0, "the file is damaged", "download it again"),
    "not gzip": (b"\x1f\x8b and nothing else", 0, "the file is damaged", "download it again"),
}


@pytest.mark.parametrize(("content", "line", "problem", "remedy"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("block_rows", [1, 8192])
def test_a_fault_is_named_with_its_place_and_remedy(
    tmp_path: Path, *, content: str | bytes, line: int, problem: str, remedy: str, block_rows: int
) -> None:
    """The message names file and line, says what was found, and what to do, whatever the size of a read."""
    path = written(tmp_path, content)

    fault = fault_of(path, block_rows=block_rows)

    assert (str(path), line) == (fault.source, fault.line)
    assert problem in fault.problem
    assert remedy in fault.remedy
    assert "\n" not in str(fault)


@pytest.mark.parametrize("block_rows", [1, 2, 3, 100])
def test_rows_before_a_fault_are_given_first(tmp_path: Path, block_rows: int) -> None:
    """What a replay saw before a bad line does not depend on the size of a read."""
    tape = tape_of(
        written(tmp_path, HEADER + GOOD * 5 + GOOD.replace("30000.00", "x")), block_rows=block_rows
    )
    seen = []

    with pytest.raises(DataError, match="line 7"):
        seen.extend(row for block in tape.blocks() for row in rows_of([block]))
    seen = []
    blocks = tape.blocks()
    while len(seen) < 5:
        seen.extend(rows_of([next(blocks)]))

    assert 5 == len(seen)
    with pytest.raises(DataError):
        next(blocks)


def test_a_truncated_gzip_is_told_from_a_whole_one(tmp_path: Path) -> None:
    """A download that was cut short is named, with the line where the data ended."""
    whole = gzip.compress(
        (HEADER + "".join(f"{T0 + row},1.00,{row}.5,buy\n" for row in range(5000))).encode()
    )

    fault = fault_of(written(tmp_path, whole[: len(whole) // 2]), block_rows=10)

    assert fault.line > 100
    assert "damaged or cut short" in fault.problem


def test_an_archive_must_hold_one_file(tmp_path: Path) -> None:
    """Two files in a zip are not guessed about."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", HEADER)
        archive.writestr("b", HEADER)

    assert "the archive holds 2 files." == fault_of(written(tmp_path, buffer.getvalue())).problem


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A wrong path and a folder are no tracebacks."""
    assert "cannot be opened (No such file" in fault_of(tmp_path / "nothing").problem
    assert "cannot be opened (Is a directory)" in fault_of(tmp_path).problem


def test_a_symbol_that_nobody_configured_is_named(tmp_path: Path) -> None:
    """The known symbols stand in the message."""
    with pytest.raises(UnknownSymbolError) as caught:
        tape_of(written(tmp_path, HEADER + GOOD), symbol="DOGE/USDT")

    told = str(caught.value)
    assert told.startswith("unknown symbol 'DOGE/USDT'; configured: BTC/USDT. Name one of these")


def test_a_file_without_a_symbol_needs_one_when_several_are_configured(tmp_path: Path) -> None:
    """Nothing is guessed: the message shows how to name the symbol."""
    path = written(tmp_path, HEADER + GOOD)

    fault = fault_of(path, instrument("BTC/USDT"), instrument("ETH/USDT"))

    assert f"Write BTC/USDT={path}, with the symbol that it holds." == fault.remedy


def test_sorting_in_memory_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too long to sort in memory is refused, not swallowed."""
    monkeypatch.setattr(ordering, "SORT_ROWS_MAX", 3)

    fault = fault_of(written(tmp_path, HEADER + GOOD * 4), sort=True)

    assert "more than the 3 rows" in fault.problem


def test_a_packed_session_must_be_unpacked(tmp_path: Path) -> None:
    """A session is a database: it cannot be read through gzip."""
    connection = sqlite3.connect(tmp_path / "plain")
    connection.execute("create table t (x)")
    connection.commit()
    connection.close()
    packed = written(tmp_path, gzip.compress((tmp_path / "plain").read_bytes()), "packed")

    assert "the file is a packed session." == fault_of(packed).problem
