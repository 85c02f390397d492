"""Tables of trades and bars are read exactly, whatever their form, packing and read size."""

from __future__ import annotations

import gzip
import sys
import zipfile
from array import array
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meva_adapters.feed.columns import integer_columns, shape_of
from meva_adapters.wire.grid import price_grid
from meva_core.errors import DataError
from meva_core.model.market import Side
from meva_core.ports.market_feed import TradeBlock
from tests.contract.tape_files import bars_of, instrument, rows_of, tape_of, trades_of, written

T0 = 1_735_689_600_000_000_000  # 2025-01-01T00:00:00Z
TRADES = (
    "ts_ns,price,qty,side\n"
    f"{T0},30000.00,0.10000,buy\n"
    f"{T0 + 1},29999.99,1.00001,sell\n"
    f"{T0 + 1},30000.01,0.00001,buy\n"
)
TRADE_ROWS = [
    (T0, 3_000_000, 10_000, Side.BUY, -1),
    (T0 + 1, 2_999_999, 100_001, Side.SELL, -1),
    (T0 + 1, 3_000_001, 1, Side.BUY, -1),
]
MINUTE = 60_000_000_000
BARS = (
    "ts_ns,open,high,low,close,volume\n"
    f"{T0},10.00,12.00,9.00,11.00,3.00000\n"
    f"{T0 + MINUTE},11.00,11.50,0.25,0.50,0.00000\n"
)
BAR_ROWS = [(T0, 1000, 1200, 900, 1100, 300_000), (T0 + MINUTE, 1100, 1150, 25, 50, 0)]


def test_trades_are_read_onto_the_grid(tmp_path: Path) -> None:
    """Prices come in ticks, quantities in lots, ids are -1 where the file has none."""
    block = trades_of(tape_of(written(tmp_path, TRADES)))

    assert "BTC/USDT" == block.symbol
    assert TRADE_ROWS == rows_of([block])


def test_bars_are_read_onto_the_grid(tmp_path: Path) -> None:
    """The interval is found from the first two bars; a bar without trades has volume 0."""
    block = bars_of(tape_of(written(tmp_path, BARS)))

    assert ("1m", MINUTE) == (block.timeframe, block.interval_ns)
    assert BAR_ROWS == rows_of([block])


@pytest.mark.parametrize(
    "content",
    [
        TRADES.rstrip("\n"),
        TRADES.replace("\n", "\r\n"),
        TRADES + "\n\n",
        "\ufeff" + TRADES,
        TRADES.replace("30000.00", "30000").replace("1.00001", "1.000010"),
        TRADES.replace("0.00001", "1e-05"),
        TRADES.replace("buy", "BUY"),
        TRADES.replace("30000.00", '"30000.00"'),
        TRADES.replace("ts_ns,price,qty,side", "Timestamp,Price,Amount,Side"),
        "made by a vendor,https://example.com\n" + TRADES,
    ],
    ids=[
        "no-last-line-end",
        "crlf",
        "blank-lines",
        "bom",
        "mixed-decimals",
        "exponent",
        "capitals",
        "quoted",
        "aliases",
        "vendor-line",
    ],
)
def test_equal_facts_in_other_writing_are_equal_rows(tmp_path: Path, content: str) -> None:
    """How a number, a name or a line is written changes no row."""
    assert TRADE_ROWS == rows_of(tape_of(written(tmp_path, content)).blocks())


@pytest.mark.parametrize(
    "times",
    [
        ("1735689600", "1735689660"),
        ("1735689600000", "1735689660000"),
        ("1735689600000000", "1735689660000000"),
        ("1735689600000000000", "1735689660000000000"),
        ("2025-01-01 00:00:00", "2025-01-01 00:01:00.000000"),
        ("2025-01-01T00:00:00Z", "2025-01-01T01:01:00.000+01:00"),
        ("1735689600.0", "1735689660.000"),
    ],
)
@pytest.mark.parametrize("name", ["open_time", "timestamp", "date", "datetime"])
def test_times_are_read_in_every_usual_form(tmp_path: Path, name: str, times: tuple[str, str]) -> None:
    """Integers are read by their magnitude, text as ISO-8601, UTC unless it says otherwise."""
    content = (
        BARS.replace("ts_ns", name)
        .replace(f"{T0},", f"{times[0]},")
        .replace(f"{T0 + MINUTE},", f"{times[1]},")
    )

    assert BAR_ROWS == rows_of(tape_of(written(tmp_path, content)).blocks())


def test_nanoseconds_are_nanoseconds_however_small(tmp_path: Path) -> None:
    """A column named ts_ns is never read as milliseconds."""
    content = TRADES.replace(str(T0 + 1), "1735689600001").replace(str(T0), "1735689600000")

    assert [1735689600000, 1735689600001, 1735689600001] == trades_of(
        tape_of(written(tmp_path, content))
    ).times


DUMPS = {
    "trades": "7,30000.00000000,0.10000000,3000.00000000,1735689600000,True,True\n"
    "8,0.50000000,0.20000000,0.10000000,1735689600001,False,True\n",
    "futures trades": "id,price,qty,quote_qty,time,is_buyer_maker\n"
    "7,30000.0,0.1,3000.0,1735689600000,true\n8,0.5,0.2,0.1,1735689600001,false\n",
    "aggTrades": "7,30000.00000000,0.10000000,70,71,1735689600000000,True,True\n"
    "8,0.50000000,0.20000000,72,72,1735689600001000,False,True\n",
    "futures aggTrades": "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,"
    "is_buyer_maker\n"
    "7,30000.0,0.1,70,71,1735689600000,true\n8,0.5,0.2,72,72,1735689600001,false\n",
}


@pytest.mark.parametrize("dump", DUMPS.values(), ids=DUMPS)
def test_dumps_of_trades_are_known_without_a_header(tmp_path: Path, dump: str) -> None:
    """A buyer who was the maker means that the taker sold; times in ms and us are told apart."""
    expected = [
        (T0, 3_000_000, 10_000, Side.SELL, 7),
        (T0 + 1_000_000, 50, 20_000, Side.BUY, 8),
    ]

    assert expected == rows_of(tape_of(written(tmp_path, dump)).blocks())


@pytest.mark.parametrize("unit", [1, 1000], ids=["ms", "us"])
def test_dumps_of_klines_are_known_without_a_header(tmp_path: Path, unit: int) -> None:
    """Twelve numbers are a kline; volume is the base asset's."""
    opens = [1735689600000 * unit, 1735689660000 * unit]
    tail = "99,77.00000000,5,1.00000000,8.00000000,0"
    dump = (
        f"{opens[0]},10.00000000,12.00000000,9.00000000,11.00000000,3.00000000,{tail}\n"
        f"{opens[1]},11.00000000,11.50000000,0.25000000,0.50000000,0.00000000,{tail}\n"
    )

    assert BAR_ROWS == rows_of(tape_of(written(tmp_path, dump)).blocks())


def test_packing_changes_neither_rows_nor_digest(tmp_path: Path) -> None:
    """Gzip and zip are told by their first bytes; the digest is of what they hold."""
    plain = written(tmp_path, TRADES, "plain")
    packed = written(tmp_path, gzip.compress(TRADES.encode()), "gz")
    archive = tmp_path / "zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("BTCUSDT-trades.csv", TRADES)

    for path in (plain, packed, archive):
        tape = tape_of(path)
        assert TRADE_ROWS == rows_of(tape.blocks())
        assert blake2b(TRADES.encode(), digest_size=16).hexdigest() == tape.digest
        assert tape.size_bytes == tape.position_bytes == path.stat().st_size


def test_the_digest_needs_no_reading_before(tmp_path: Path) -> None:
    """A tape that was not read, or not to its end, has the same digest."""
    path = written(tmp_path, TRADES)
    unread, begun = tape_of(path), tape_of(path, block_rows=1)
    next(iter(begun.blocks()))

    assert blake2b(TRADES.encode(), digest_size=16).hexdigest() == unread.digest == begun.digest


def test_a_tape_can_be_read_again(tmp_path: Path) -> None:
    """Every call of `blocks` starts at the beginning, with nothing remembered."""
    tape = tape_of(written(tmp_path, DUMPS["trades"]))

    assert rows_of(tape.blocks()) == rows_of(tape.blocks())
    assert 0 == tape.duplicates


ROWS = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(1, 10**13), st.integers(1, 10**16), st.booleans()),
    min_size=1,
)


@given(rows=ROWS, block_rows=st.integers(1, 40), styles=st.data())
def test_columns_and_rows_give_what_was_written(
    rows: list[tuple[int, int, int, bool]], block_rows: int, styles: st.DataObject
) -> None:
    """Any grid values come back equal, with or without trailing zeros, in blocks of any size."""
    rows.sort(key=lambda row: row[0])
    lines = ["ts_ns,price,qty,side"]
    for time_ns, ticks, lots, buys in rows:
        price, quantity = f"{ticks // 100}.{ticks % 100:02d}", f"{lots // 10**5}.{lots % 10**5:05d}"
        if styles.draw(st.integers(0, 9)) == 0:
            price = price.rstrip("0").rstrip(".")
        lines.append(f"{time_ns},{price},{quantity},{'buy' if buys else 'sell'}")
    with TemporaryDirectory() as folder:
        blocks = list(tape_of(written(Path(folder), "\n".join(lines)), block_rows=block_rows).blocks())

    expected = [(t, p, q, Side.BUY if buys else Side.SELL, -1) for t, p, q, buys in rows]
    assert expected == rows_of(blocks)
    assert all(len(rows_of([block])) <= block_rows for block in blocks)


@given(
    ticks=st.lists(st.integers(1, 10**9), min_size=1),
    tick=st.sampled_from(["0.01", "0.05", "0.5", "1", "10"]),
)
def test_a_whole_column_equals_its_single_values(ticks: list[int], tick: str) -> None:
    """Converting a column and converting each text give the same steps, on every grid."""
    grid = price_grid("price", instrument(tick=tick))
    prices = [instrument(tick=tick).price(count) for count in ticks]

    texts = [f"{price:.4f}" for price in prices]
    assert ticks == [grid.steps(text) for text in texts]
    assert ticks == grid.column([int(text.replace(".", "")) for text in texts], 4)


@pytest.mark.parametrize(
    "row",
    [
        "1,007.50",
        "1,7.5",
        "1,7.500",
        "1,.50",
        "1,-7.50",
        "1,+7.50",
        "1,7,50",
        "1 ,7.50",
        "1,7.5\u0660",
        "1,",
        "1,1e3.00",
        "1,1000000000.00",
        "99999999999999999999,7.50",
        "1,nan",
        "01,7.50",
    ],
)
def test_the_proof_lets_nothing_else_through(row: str) -> None:
    """A run with one row of another form is not converted by columns."""
    shape = shape_of([b"1", b"7.50"])
    assert shape

    assert [[1, 1], [750, 5]] == integer_columns(shape, b"1,7.50\n1,0.05\n")
    assert integer_columns(shape, f"1,7.50\n{row}\n1,0.05\n".encode()) is None


def test_the_symbol_is_found_in_the_file(tmp_path: Path) -> None:
    """A symbol column, in the venue's or the unified form, chooses among the configured instruments."""
    markets = instrument("BTC/USDT"), instrument("ETH/USDT")
    content = f"ts_ns,symbol,price,qty,side\n{T0},ETHUSDT,10.00,1.00000,buy\n"

    assert ("ETH/USDT",) == tape_of(written(tmp_path, content), *markets).symbols
    assert ("BTC/USDT",) == tape_of(written(tmp_path, content), *markets, symbol="BTC/USDT").symbols


def test_the_volume_of_the_base_asset_is_preferred(tmp_path: Path) -> None:
    """Where a vendor gives volumes in both assets, the base asset's is the volume."""
    content = (
        f"ts_ns,open,high,low,close,Volume BTC,volume\n{T0},1,1,1,1,2,200\n{T0 + MINUTE},1,1,1,1,3,300\n"
    )

    assert [200_000, 300_000] == bars_of(tape_of(written(tmp_path, content))).volumes


def test_volumes_alone_are_rounded_down_on_request(tmp_path: Path) -> None:
    """A volume between two lots is cut and counted, once per reading; a price never is."""
    content = BARS.replace("3.00000", "3.000009")
    tape = tape_of(written(tmp_path, content), round_volume=True)

    assert BAR_ROWS == rows_of(tape.blocks()) == rows_of(tape.blocks())
    assert 1 == tape.rounded


def test_a_named_timeframe_needs_no_second_bar(tmp_path: Path) -> None:
    """One bar is enough where its length is told."""
    content = "".join(BARS.splitlines(keepends=True)[:2])

    assert "1h" == bars_of(tape_of(written(tmp_path, content), timeframe="1h")).timeframe


def test_sorting_turns_a_newest_first_file_round(tmp_path: Path) -> None:
    """Rows of one time keep the order in which they happened."""
    header, *lines = TRADES.splitlines(keepends=True)
    newest_first = header + "".join(reversed(lines))

    assert TRADE_ROWS == rows_of(tape_of(written(tmp_path, newest_first), sort=True, block_rows=2).blocks())


def test_repeated_trades_are_dropped_and_counted(tmp_path: Path) -> None:
    """A trade id that came before is the same trade: it is not counted twice."""
    lines = DUMPS["trades"].splitlines(keepends=True)
    tape = tape_of(written(tmp_path, lines[0] + lines[1] + lines[1]), block_rows=1)

    assert [7, 8] == [row[-1] for row in rows_of(tape.blocks())]
    assert 1 == tape.duplicates


def test_columns_are_the_same_integers_with_numpy_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large tables are read by numpy where it is installed; small parts of them never are."""
    rows = [
        f"{T0 + row},{row % 7}.{row % 99 + 1:02d},{row % 90}.{row:05d},{'buy' if row % 3 else 'sell'}\n"
        for row in range(1, 5_000)
    ]
    path = written(tmp_path, "".join(["ts_ns,price,qty,side\n", *rows]))
    [with_numpy] = tape_of(path).blocks()
    monkeypatch.setitem(sys.modules, "numpy", None)
    [without] = tape_of(path).blocks()

    assert isinstance(with_numpy, TradeBlock)
    assert isinstance(without, TradeBlock)
    assert isinstance(with_numpy.prices, array)
    assert isinstance(without.prices, list)
    assert rows_of([without]) == rows_of([with_numpy])


def test_an_integer_beyond_64_bits_is_named_with_its_line_in_a_large_table_too(tmp_path: Path) -> None:
    """The quick reader would take it for the largest integer."""
    rows = [f"{T0 + row},7.00,1.00000,buy\n" for row in range(4_000)]
    rows[3_000] = "9999999999999999999,7.00,1.00000,buy\n"
    path = written(tmp_path, "".join(["ts_ns,price,qty,side\n", *rows]))

    with pytest.raises(DataError, match="9999999999999999999") as raised:
        list(tape_of(path).blocks())
    assert 3_002 == raised.value.line
