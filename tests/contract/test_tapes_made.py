"""The recordings that the project makes itself are what their generators say, on every machine."""

from __future__ import annotations

import gzip
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import pytest

from benchmarks import data, sample
from tests.contract.tape_files import PROJECT, bars_of, rows_of, tape_of

SAMPLE = PROJECT / "meva_runners" / "_samples" / "btc_usdt_1m.csv.gz"


def test_the_bundled_sample_is_what_its_generator_makes() -> None:
    """The file can be made again from its seed, and is small."""
    assert "".join(sample.sample_lines()) == gzip.decompress(SAMPLE.read_bytes()).decode()
    assert SAMPLE.stat().st_size <= 200_000


def test_the_bundled_sample_is_three_days_of_minutes() -> None:
    """It opens without a word about it: 4,320 bars, without a gap."""
    block = bars_of(tape_of(SAMPLE))

    assert "1m" == block.timeframe
    assert [block.open_times[0] + minute * block.interval_ns for minute in range(3 * 1_440)] == list(
        block.open_times
    )


def test_the_standard_inputs_begin_as_defined() -> None:
    """The first rows are those of the definition, whatever number of rows is asked for."""
    trades = [
        "ts_ns,price,qty,side\n",
        "1735689600220867912,29999.97,0.16732,sell\n",
        "1735689600232408069,29999.90,0.71000,sell\n",
    ]
    bars = [
        "ts_ns,open,high,low,close,volume\n",
        "1735689600000000000,30000.00,30014.37,29997.70,30008.99,78.31785\n",
        "1735689660000000000,30008.99,30014.68,30004.34,30008.26,39.55012\n",
    ]

    assert trades == list(data.trade_lines(2)) == list(islice(data.trade_lines(10**9), 3))
    assert bars == list(data.bar_lines(2)) == list(islice(data.bar_lines(10**9), 3))


def test_a_changed_generator_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A standard input with other bytes is not written: no figure is measured on it by mistake."""
    monkeypatch.setattr(data, "TRADES", 10)

    with pytest.raises(AssertionError, match="no longer follows the definition"):
        data.write_trades(tmp_path / "trades.csv", 20)
    assert [] == list(tmp_path.iterdir())


def test_more_rows_go_on_with_the_same_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the rows begin with the standard's bytes, which are checked, and are a tape like them."""
    standard = "".join(data.bar_lines(100)).encode()
    monkeypatch.setattr(data, "BARS", 100)
    monkeypatch.setattr(data, "BARS_DIGEST", blake2b(standard, digest_size=16).hexdigest())

    data.write_bars(tmp_path / "bars.csv", 200)

    assert (tmp_path / "bars.csv").read_bytes().startswith(standard)
    assert 200 == len(rows_of(tape_of(tmp_path / "bars.csv").blocks()))


@pytest.mark.prove
@pytest.mark.parametrize(
    ("write", "digest"), [(data.write_trades, data.TRADES_DIGEST), (data.write_bars, data.BARS_DIGEST)]
)
def test_the_standard_inputs_are_the_definitions_bytes(tmp_path: Path, write: object, digest: str) -> None:
    """All rows of both inputs hash to the definition's, and read back as a tape of that digest."""
    assert callable(write)
    write(tmp_path / "input.csv")

    assert digest == tape_of(tmp_path / "input.csv").digest
