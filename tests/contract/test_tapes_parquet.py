"""Parquet tables give the same exact rows as text does, whatever types their columns have."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from meva_core.errors import ConfigError
from meva_core.model.market import Side
from tests.contract.tape_files import bars_of, fault_of, rows_of, tape_of, written

pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")

T0 = 1_735_689_600_000_000_000
EXPECTED = [(T0, 3_000_010, 10_000, Side.BUY, 7), (T0 + 1_000_000, 2_999_900, 1, Side.SELL, 8)]


def parquet(columns: dict[str, Any]) -> bytes:
    """Return a Parquet file of *columns*."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=1)
    return buffer.getvalue()


def trades(**changes: Any) -> bytes:
    """Return a table of two trades, with some columns changed."""
    columns = {
        "ts_ns": [T0, T0 + 1_000_000],
        "price": ["30000.10", "29999.0"],
        "qty": ["0.1", "0.00001"],
        "side": ["buy", "sell"],
        "id": [7, 8],
        "note": ["unused", None],
    }
    return parquet({name: column for name, column in {**columns, **changes}.items() if column is not None})


@pytest.mark.parametrize("number", [str, float, Decimal])
@pytest.mark.parametrize("block_rows", [1, 100])
def test_numbers_of_every_type_are_exact(
    tmp_path: Path, number: Callable[[str], Any], block_rows: int
) -> None:
    """Floats count as the shortest number that they stand for; text and decimals as they are."""
    path = written(
        tmp_path, trades(price=[number("30000.10"), number("29999")], qty=[number("0.1"), number("0.00001")])
    )

    assert EXPECTED == rows_of(tape_of(path, block_rows=block_rows).blocks())


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_timestamps_of_every_unit_are_exact(tmp_path: Path, unit: str, zone: str | None) -> None:
    """A timestamp column is read in its unit, and is UTC where it names no zone."""
    moments = [datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, microsecond=1000, tzinfo=UTC)]
    column = pa.array(moments, pa.timestamp(unit, "UTC")).cast(pa.timestamp(unit, zone))

    assert EXPECTED == rows_of(tape_of(written(tmp_path, trades(ts_ns=None, timestamp=column))).blocks())


def test_integers_are_whole_prices_of_bars(tmp_path: Path) -> None:
    """An integer price counts units of the quote asset, not ticks."""
    columns: dict[str, Any] = {name: [5, 5] for name in ("open", "high", "low", "close", "volume")}
    path = written(tmp_path, parquet({"open_time": [T0, T0 + 60_000_000_000], **columns}))

    block = bars_of(tape_of(path))

    assert ("1m", [500, 500], [500_000, 500_000]) == (block.timeframe, block.closes, block.volumes)


def test_truth_values_tell_the_taker(tmp_path: Path) -> None:
    """A column that says whether the buyer was the maker serves as the side."""
    path = written(tmp_path, trades(side=None, is_buyer_maker=[False, True]))

    assert EXPECTED == rows_of(tape_of(path).blocks())


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    """Gzip around Parquet is unusual and allowed."""
    assert EXPECTED == rows_of(tape_of(written(tmp_path, gzip.compress(trades()))).blocks())


FAULTS = {
    "off grid": (trades(price=[30000.1, 29999.005]), 2, "price 29999.005 is not a multiple of tick_size"),
    "nan": (trades(price=[30000.1, float("nan")]), 2, "price nan is not a finite number"),
    "null": (trades(price=[30000.1, None]), 2, "the price is missing"),
    "null time": (trades(ts_ns=[T0, None]), 2, "time '' is not understood"),
    "no rows": (
        parquet({name: pa.array([], pa.string()) for name in ("ts_ns", "price", "qty", "side")}),
        0,
        "no rows",
    ),
    "no side": (trades(side=None), 0, "has no column for side"),
    "other table": (parquet({"x": [1]}), 0, "are neither trades (price) nor bars"),
    "cut": (trades()[:-20], 0, "the Parquet file is damaged"),
    "0 bytes": (b"", 0, "the file is empty"),
}


@pytest.mark.parametrize(("content", "row", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_its_row(tmp_path: Path, content: bytes, row: int, problem: str) -> None:
    """Rows are numbered from one."""
    fault = fault_of(written(tmp_path, content))

    assert row == fault.line
    assert problem in fault.problem


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the message says what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError, match=r"pip install '\.\[parquet\]'"):
        tape_of(written(tmp_path, trades()))
